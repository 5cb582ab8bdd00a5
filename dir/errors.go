package dir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/mailstrata/mailstrata/repo/store"
)

// absent reports whether err says that nothing has the path. "a/b" does not exist if "a" is a file.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// objectError turns an error of the file system about one object into an error of the store, so
// that it is not taken for an error about another file of this host.
func (d *Dir) objectError(err error) error {
	switch {
	case err == nil:
		return nil
	case absent(err):
		if gone := d.gone(); gone != nil {
			return gone
		}
		return fmt.Errorf("%w: %v", store.ErrNotExist, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: %v", store.ErrPermission, err)
	}
	return err
}

// gone returns an error if the directory is not the one that was opened. An unmounted disk leaves
// an empty directory, or none, and that says nothing about the objects.
func (d *Dir) gone() error {
	now, err := os.Stat(d.root)
	switch {
	case err != nil && absent(err):
		return fmt.Errorf("the directory %s has gone since it was opened: check whether its disk is mounted", d.root)
	case err != nil:
		return fmt.Errorf("look at the directory of the repository: %w", err)
	case !os.SameFile(d.opened, now):
		return fmt.Errorf("%s is not the directory that was opened: check whether its disk is mounted", d.root)
	}
	return nil
}
