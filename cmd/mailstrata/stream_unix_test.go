//go:build unix

package main

import (
	"fmt"
	"os"
	"syscall"
)

// streamOf returns the value of JOURNAL_STREAM for a stream, as systemd sets it.
func streamOf(f *os.File) string {
	info, err := f.Stat()
	if err != nil {
		return ""
	}
	stat := info.Sys().(*syscall.Stat_t)
	return fmt.Sprintf("%d:%d", stat.Dev, stat.Ino)
}
