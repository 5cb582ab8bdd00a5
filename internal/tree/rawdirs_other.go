//go:build !linux

package tree

import (
	"errors"
	"os"
	"time"
)

// rawDirs is the open directory where files wait.
type rawDirs struct{ temp *os.Root }

func newRawDirs(root *os.Root, temp, _ string) (*rawDirs, error) {
	dir, err := root.OpenRoot(temp)
	if err != nil {
		return nil, err
	}
	return &rawDirs{dir}, nil
}

// createTemp creates a waiting file.
func (r *rawDirs) createTemp(temp string) (*os.File, error) {
	return r.temp.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
}

// date sets the date of a waiting file.
func (r *rawDirs) date(temp string, date time.Time) error { return r.temp.Chtimes(temp, date, date) }

// rename is not supported, because os.Rename replaces existing files.
func (*rawDirs) rename(waiting) error { return errors.ErrUnsupported }

func (r *rawDirs) release() error { return r.temp.Close() }
