// Package local handles files of this host: their errors, temporary files (temp.go), files that are
// replaced as a whole (replace.go, rewrite.go), and locks between processes (lock.go).
//
// Its errors have the type Error. They are not about an archive, a mail server or a store, so they
// never count as damage.
package local

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"syscall"
)

// Error is an error of this host. Its text has the path and, if it is known, what to do.
type Error struct {
	Doing  string // "make a temporary file"
	Path   string // "" if Err names it
	Advice string // what to do, or ""
	Err    error
}

func (e *Error) Error() string {
	text, err := e.Doing, e.Err
	var named *fs.PathError
	errors.As(err, &named)
	switch {
	case named != nil && named == err && (e.Path == "" || e.Path == named.Path): // its text begins with its operation, such as "write"
		text, err = text+" "+named.Path, named.Err
	case e.Path != "" && named == nil:
		text += " " + e.Path
	}
	text += ": " + err.Error()
	switch {
	case e.Advice != "":
		text += ": " + e.Advice
	case isDiskFull(err):
		text += ": make room there and run it again"
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

// Fail returns err as an Error. It returns err itself if it is nil or already wraps an Error.
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

// IsFull reports whether a disk or a quota is full, or too many files are open. Then another
// directory does not help.
func IsFull(err error) bool {
	return isDiskFull(err) || isAny(err, syscall.EFBIG, syscall.EMFILE, syscall.ENFILE)
}

func isDiskFull(err error) bool { return isAny(err, syscall.ENOSPC, syscall.EDQUOT) }

func isAny(err error, of ...error) bool {
	return slices.ContainsFunc(of, func(is error) bool { return errors.Is(err, is) })
}

// File is an open file whose errors are Errors, except for io.EOF.
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
