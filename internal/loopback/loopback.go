// Package loopback says which hosts are this one, so that nobody else hears what is sent to them
// without encryption.
package loopback

import (
	"net/netip"
	"strings"
)

// Is reports whether a host is the loopback. It looks up no names, because others decide what they
// resolve to.
func Is(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}
