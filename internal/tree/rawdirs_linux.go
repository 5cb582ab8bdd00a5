package tree

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// rawDirs is the two open directories of a Dir: where files wait, and where they get their names.
// Its methods make system calls directly, because names have one element; os.Root, which checks
// every element of a path, makes three calls for each.
type rawDirs struct {
	temp, to     *os.File
	tempFD, toFD int
	unnamed      unnamedFiles
}

// unnamedFiles is whether files can wait without a name, and how they get one then.
type unnamedFiles int

const (
	untried      unnamedFiles = iota
	impossible                // the file system cannot do it, or the kernel
	linkedByFile              // by the open file: it takes a privilege, or Linux 6.10
	linkedByProc              // by the name of the open file in /proc
)

func newRawDirs(root *os.Root, temp, to string) (*rawDirs, error) {
	from, err := root.Open(temp)
	if err != nil {
		return nil, err
	}
	dir, err := root.Open(to)
	if err != nil {
		return nil, errors.Join(err, from.Close())
	}
	return &rawDirs{temp: from, to: dir, tempFD: int(from.Fd()), toFD: int(dir.Fd())}, nil
}

// create creates a waiting file. If it may stay open until it has its name, it has none before,
// where that is possible: to enter a file into one directory is less work than to move it into
// another. The first file has the name temp, and so have all where it is not possible.
func (r *rawDirs) create(temp string, stayOpen bool) (*rawFile, error) {
	switch {
	case r.unnamed == untried:
		if f := r.tryUnnamed(temp); f != nil {
			return f, nil
		}
	case r.unnamed != impossible && stayOpen:
		if f, err := r.createUnnamed(); err == nil {
			return f, nil
		}
	}
	// It follows no link and opens no existing file.
	f, err := openFile(r.tempFD, temp, unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: temp, Err: err}
	}
	f.temp, f.in = temp, r.tempFD
	return f, nil
}

// createUnnamed creates a file without a name, in the directory that it will get its name in.
func (r *rawDirs) createUnnamed() (*rawFile, error) { return openFile(r.toFD, ".", unix.O_TMPFILE) }

// tryUnnamed finds out whether files can wait without a name. To do so, it creates a file without a
// name and then gives it the name temp. If that fails, it returns nil.
func (r *rawDirs) tryUnnamed(temp string) *rawFile {
	r.unnamed = impossible
	f, err := r.createUnnamed()
	if err != nil {
		return nil
	}
	if f.setDate(time.Unix(0, 0)) == nil {
		for _, way := range []unnamedFiles{linkedByFile, linkedByProc} {
			if f.link(way, r.tempFD, temp) == nil {
				r.unnamed = way
				f.temp, f.in = temp, r.tempFD
				return f
			}
		}
	}
	_ = f.Close()
	return nil
}

// rename gives a file its name, in one call where link and unlink would be two. It never replaces a
// file. It returns errors.ErrUnsupported if the file system cannot guarantee that.
func (r *rawDirs) rename(w waiting) error {
	if w.file != nil {
		return linkError(w, w.file.link(r.unnamed, r.toFD, w.name))
	}
	err := uninterrupted(func() error {
		return unix.Renameat2(r.tempFD, w.temp, r.toFD, w.name, unix.RENAME_NOREPLACE)
	})
	if errors.Is(err, unix.EINVAL) { // NFS and many FUSE file systems do not know the flag
		return errors.ErrUnsupported
	}
	return linkError(w, err)
}

func linkError(w waiting, err error) error {
	if err == nil {
		return nil
	}
	return &os.LinkError{Op: "rename", Old: w.temp, New: w.name, Err: err}
}

// uninterrupted repeats a call that a signal interrupted, as package os does. This happens on FUSE
// and NFS.
func uninterrupted(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

func (r *rawDirs) release() error { return errors.Join(r.temp.Close(), r.to.Close()) }
