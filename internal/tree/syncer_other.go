//go:build !linux

package tree

import (
	"errors"
	"io/fs"
	"os"
	"time"
)

// On other systems, sync(2) neither waits for the disk nor reports errors.
const canSyncFS = false

func syncFS(*os.File) error { return errors.ErrUnsupported }

// changed returns the present, because the time is not available. So no temporary file is stale.
func changed(fs.FileInfo) time.Time { return time.Now() }
