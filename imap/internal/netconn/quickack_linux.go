package netconn

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// quickAck has the kernel acknowledge what comes next without waiting for something to send along. It forgets that
// now and then, so this is asked for before each read; where it cannot be had, things take longer.
func quickAck(conn net.Conn) {
	socket, ok := conn.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1) })
}
