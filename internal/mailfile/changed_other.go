//go:build !linux

package mailfile

import (
	"io/fs"
	"time"
)

// Changed returns when the text of a file changed. A program can set that time back.
func Changed(info fs.FileInfo) time.Time { return info.ModTime() }
