package mailfile

import (
	"io/fs"
	"syscall"
	"time"
)

// Changed returns when a file changed: its text, its name or its time.
func Changed(info fs.FileInfo) time.Time {
	at := info.ModTime()
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		if t := time.Unix(stat.Ctim.Unix()); t.After(at) {
			return t
		}
	}
	return at
}
