package tree

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// rawDirs is the two directories, open: where files wait, and where they get their names. Names are one step each, so
// the kernel is asked straight away; os.Root, which looks at every step of a path, makes three calls of each.
type rawDirs struct {
	temp, to     *os.File
	tempFD, toFD int
}

func newRawDirs(root *os.Root, temp, to string) (*rawDirs, error) {
	from, err := root.Open(temp)
	if err != nil {
		return nil, err
	}
	dir, err := root.Open(to)
	if err != nil {
		return nil, errors.Join(err, from.Close())
	}
	return &rawDirs{from, dir, int(from.Fd()), int(dir.Fd())}, nil
}

// create makes a file that waits. It follows no link, and opens nothing that is there.
func (r *rawDirs) create(temp string) (*os.File, error) {
	var fd int
	err := uninterrupted(func() (err error) {
		fd, err = unix.Openat(r.tempFD, temp, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, fileMode)
		return err
	})
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: temp, Err: err}
	}
	return os.NewFile(uintptr(fd), temp), nil
}

// date dates a file that waits.
func (r *rawDirs) date(temp string, date time.Time) error {
	at := unix.NsecToTimespec(date.UnixNano())
	err := uninterrupted(func() error {
		return unix.UtimesNanoAt(r.tempFD, temp, []unix.Timespec{at, at}, unix.AT_SYMLINK_NOFOLLOW)
	})
	if err != nil {
		return &os.PathError{Op: "date", Path: temp, Err: err}
	}
	return nil
}

// rename gives a file its name, by one call, which link and unlink would take two for. It never replaces a file, and
// returns errors.ErrUnsupported where the file system cannot promise that.
func (r *rawDirs) rename(w waiting) error {
	err := uninterrupted(func() error {
		return unix.Renameat2(r.tempFD, w.temp, r.toFD, w.name, unix.RENAME_NOREPLACE)
	})
	switch {
	case errors.Is(err, unix.EINVAL): // the flag is not known there: NFS, many of FUSE
		return errors.ErrUnsupported
	case err != nil:
		return &os.LinkError{Op: "rename", Old: w.temp, New: w.name, Err: err}
	}
	return nil
}

// uninterrupted makes a call anew that a signal interrupted, as package os does: on FUSE and NFS that happens.
func uninterrupted(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

func (r *rawDirs) close() error { return errors.Join(r.temp.Close(), r.to.Close()) }
