//go:build unix

package pdf

import (
	"os"
	"syscall"
)

// isPrivate reports whether only the user can write to a directory. The machine code in it is run
// as it is.
func isPrivate(directory string) bool {
	info, err := os.Lstat(directory)
	if err != nil || !info.IsDir() || info.Mode().Perm()&0o022 != 0 {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}
