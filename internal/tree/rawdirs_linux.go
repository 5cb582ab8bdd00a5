package tree

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// rawDirs is the two open directories of a Dir: where files wait, and where they get their names. Its methods make
// system calls directly, because names have one element; os.Root, which checks every element of a path, makes three
// calls for each.
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

// createTemp creates a waiting file. It follows no link and opens no existing file.
func (r *rawDirs) createTemp(temp string) (*os.File, error) {
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

// date sets the date of a waiting file.
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

// rename gives a file its name, in one call where link and unlink would be two. It never replaces a file. It returns
// errors.ErrUnsupported if the file system cannot guarantee that.
func (r *rawDirs) rename(w waiting) error {
	err := uninterrupted(func() error {
		return unix.Renameat2(r.tempFD, w.temp, r.toFD, w.name, unix.RENAME_NOREPLACE)
	})
	switch {
	case errors.Is(err, unix.EINVAL): // NFS and many FUSE file systems do not know the flag
		return errors.ErrUnsupported
	case err != nil:
		return &os.LinkError{Op: "rename", Old: w.temp, New: w.name, Err: err}
	}
	return nil
}

// uninterrupted repeats a call that a signal interrupted, as package os does. This happens on FUSE and NFS.
func uninterrupted(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

func (r *rawDirs) release() error { return errors.Join(r.temp.Close(), r.to.Close()) }
