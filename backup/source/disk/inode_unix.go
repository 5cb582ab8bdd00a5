//go:build unix

package disk

import (
	"io/fs"
	"syscall"
)

// inode returns the inode of a file, or 0.
func inode(info fs.FileInfo) uint64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(stat.Ino)
	}
	return 0
}
