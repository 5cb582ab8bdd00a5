package tree

import (
	"io/fs"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const canSyncFS = true

// syncFS makes all of the file system that holds the file durable.
func syncFS(f *os.File) error { return unix.Syncfs(int(f.Fd())) }

// changed is when the file was last touched; its modification time is the message's.
func changed(info fs.FileInfo) time.Time {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return time.Unix(stat.Ctim.Unix())
	}
	return info.ModTime()
}
