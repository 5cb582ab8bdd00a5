// Package local handles files of this host, and their errors. An Error says nothing about an archive, a mail server or
// a store, so it never counts as damage.
package local

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// Error is an error of this host. It names the path, and what to do if that is known.
type Error struct {
	Doing  string // "make a temporary file"
	Path   string // "" if Err names it
	Advice string // what to do; may be empty
	Err    error
}

func (e *Error) Error() string {
	text := e.Doing
	var named *fs.PathError
	if e.Path != "" && !errors.As(e.Err, &named) {
		text += " " + e.Path
	}
	text += ": " + e.Err.Error()
	if e.Advice != "" {
		text += ": " + e.Advice
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

// Fail makes an Error of err, unless it is nil or is one already.
func Fail(doing, path string, err error) error {
	if err == nil || Is(err) {
		return err
	}
	return &Error{Doing: doing, Path: path, Err: err}
}

// Is reports whether err is an error of this host.
func Is(err error) bool {
	var e *Error
	return errors.As(err, &e)
}

// IsFull reports whether a disk or a quota is full, or this process has too many open files. Trying again in another
// directory does not help then.
func IsFull(err error) bool {
	for _, is := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG, syscall.EMFILE, syscall.ENFILE} {
		if errors.Is(err, is) {
			return true
		}
	}
	return false
}

// File is an open file whose errors are Errors, except for the end of the file.
type File struct{ *os.File }

// ReadAt implements io.ReaderAt.
func (f File) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.File.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		err = Fail("read", f.Name(), err)
	}
	return n, err
}

// Read implements io.Reader.
func (f File) Read(p []byte) (int, error) {
	n, err := f.File.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = Fail("read", f.Name(), err)
	}
	return n, err
}

// Write implements io.Writer.
func (f File) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	return n, Fail("write", f.Name(), err)
}
