//go:build unix

package local

import (
	"os"
	"syscall"
)

// keepOwner gives a new version of a file the owner and the group of the old one. Only root may
// give a file away.
func keepOwner(f *os.File, old os.FileInfo) {
	if was, ok := old.Sys().(*syscall.Stat_t); ok {
		_ = f.Chown(int(was.Uid), int(was.Gid))
	}
}
