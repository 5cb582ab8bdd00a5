//go:build !linux

package tree

import (
	"errors"
	"io/fs"
	"os"
	"time"
)

// Elsewhere sync(2) neither waits for the disk nor tells of errors.
const canSyncFS = false

func syncFS(*os.File) error { return errors.ErrUnsupported }

// changed cannot be told here; a file that waits stays.
func changed(fs.FileInfo) time.Time { return time.Now() }
