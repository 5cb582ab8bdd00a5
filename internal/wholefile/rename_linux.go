package wholefile

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// renamer gives files their names by one call, which link and unlink would take two for, and os.Root, from one directory to
// another, four more.
type renamer struct{ temp, to *os.File }

func newRenamer(root *os.Root, temp, to string) (*renamer, error) {
	from, err := root.Open(temp)
	if err != nil {
		return nil, err
	}
	dir, err := root.Open(to)
	if err != nil {
		return nil, errors.Join(err, from.Close())
	}
	return &renamer{from, dir}, nil
}

// rename never replaces a file. It returns errors.ErrUnsupported where the file system cannot promise that.
func (r *renamer) rename(w waiting) error {
	err := unix.Renameat2(int(r.temp.Fd()), w.temp, int(r.to.Fd()), w.name, unix.RENAME_NOREPLACE)
	switch {
	case errors.Is(err, unix.EINVAL): // the flag is not known there: NFS, many of FUSE
		return errors.ErrUnsupported
	case err != nil:
		return &os.LinkError{Op: "rename", Old: w.temp, New: w.name, Err: err}
	}
	return nil
}

func (r *renamer) close() error { return errors.Join(r.temp.Close(), r.to.Close()) }
