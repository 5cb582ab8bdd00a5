//go:build !linux

package wholefile

import (
	"errors"
	"os"
	"time"
)

// place is the directory where files wait.
type place struct{ temp *os.Root }

func newPlace(root *os.Root, temp, _ string) (*place, error) {
	dir, err := root.OpenRoot(temp)
	if err != nil {
		return nil, err
	}
	return &place{dir}, nil
}

// create makes a file that waits.
func (p *place) create(temp string) (*os.File, error) {
	return p.temp.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
}

// date dates a file that waits.
func (p *place) date(temp string, date time.Time) error { return p.temp.Chtimes(temp, date, date) }

// rename: here os.Rename replaces what is there.
func (*place) rename(waiting) error { return errors.ErrUnsupported }

func (p *place) close() error { return p.temp.Close() }
