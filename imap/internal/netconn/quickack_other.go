//go:build !linux

package netconn

import "net"

func quickAck(net.Conn) {}
