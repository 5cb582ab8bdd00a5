//go:build !linux

package tree

import (
	"errors"
	"io"
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

// create creates a waiting file. It follows no link and opens no existing file.
func (r *rawDirs) create(temp string, _ bool) (*rawFile, error) {
	file, err := r.temp.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return nil, err
	}
	return &rawFile{file, r.temp, temp}, nil
}

// rename is not supported, because os.Rename replaces existing files.
func (*rawDirs) rename(waiting) error { return errors.ErrUnsupported }

func (r *rawDirs) release() error { return r.temp.Close() }

// rawFile is an open file that waits for its name under another.
type rawFile struct {
	*os.File
	in   *os.Root
	temp string
}

func (*rawFile) isUnnamed() bool { return false }

// restart makes the file empty.
func (f *rawFile) restart() error {
	_, err := f.Seek(0, io.SeekStart)
	if err == nil {
		err = f.Truncate(0)
	}
	return err
}

// setDate sets the date of the file.
func (f *rawFile) setDate(date time.Time) error { return f.in.Chtimes(f.temp, date, date) }

// date returns the date of the file.
func (f *rawFile) date() (time.Time, error) {
	info, err := f.Stat()
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}

// openLimit returns 0: all files have a name from the beginning, so none must stay open, and how
// many this process may have open is not asked for.
func openLimit() int64 { return 0 }
