package tree

import (
	"io/fs"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const canSyncFS = true

// syncFS makes the file system of f durable.
func syncFS(f *os.File) error { return unix.Syncfs(int(f.Fd())) }

// changed returns when the file was last changed. The modification time is the date of the message.
func changed(info fs.FileInfo) time.Time {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return time.Unix(stat.Ctim.Unix())
	}
	return info.ModTime()
}
