//go:build unix

package main

import (
	"fmt"
	"os"
	"syscall"
)

// streamOf is what systemd says of a stream in JOURNAL_STREAM.
func streamOf(f *os.File) string {
	info, err := f.Stat()
	if err != nil {
		return ""
	}
	stat := info.Sys().(*syscall.Stat_t)
	return fmt.Sprintf("%d:%d", stat.Dev, stat.Ino)
}
