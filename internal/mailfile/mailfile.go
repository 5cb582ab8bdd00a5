// Package mailfile reads a file that has one message, for a backup.
//
// A message is read with CRLF for each LF, as an IMAP server would send it, and its Form has the
// line ends of the file. If these are too many to record, it is read as it is. Only regular files
// are opened: a pipe would never end, and a link may lead anywhere. A file that changes while it is
// read is an error, and never a short message.
package mailfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"syscall"

	"github.com/mailstrata/mailstrata/internal/lineend"
	"github.com/mailstrata/mailstrata/mail"
)

// Open opens a regular file below root.
func Open(root *os.Root, name string) (*os.File, fs.FileInfo, error) {
	info, err := root.Lstat(name)
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{
			Op: "open", Path: name,
			Err: fmt.Errorf("it is not a regular file (%s), and is not opened", info.Mode().Type()),
		}
	}
	if err != nil {
		return nil, nil, err
	}
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe that took its place must not block
	if err != nil {
		return nil, nil, err
	}
	if info, err = f.Stat(); err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: name, Err: fmt.Errorf("it is not a regular file")}
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// Describe returns the size of the message in a file as it is archived, and its form.
func Describe(root *os.Root, name string) (size int64, form mail.Form, info fs.FileInfo, err error) {
	f, info, err := Open(root, name)
	if err != nil {
		return 0, mail.Form{}, nil, err
	}
	defer f.Close()
	if info.Size() > mail.MaxMessage {
		return info.Size(), mail.Form{}, info, nil // it is not read
	}
	c, err := check(f)
	if err == nil {
		err = unchanged(f, info, c.Size())
	}
	if err != nil {
		return 0, mail.Form{}, nil, err
	}
	return c.WireSize(), FormOf(c.Kind(), c.Ends()), info, nil
}

// changedError says that a file changed while it was read. It wraps fs.ErrNotExist, because what
// was listed is not there: a caller lists it again.
type changedError struct{ name string }

func (e *changedError) Error() string { return e.name + " changed while it was read" }
func (*changedError) Unwrap() error   { return fs.ErrNotExist }

// unchanged returns an error if the file is not as it was when it was opened, or if not all of it
// was read.
func unchanged(f *os.File, before fs.FileInfo, read int64) error {
	now, err := f.Stat()
	if err == nil && (read != before.Size() || !sameFile(before, now)) {
		err = &changedError{f.Name()}
	}
	return err
}

// sameFile reports whether a file has the same size and time as before.
func sameFile(before, now fs.FileInfo) bool {
	return before.Size() == now.Size() && before.ModTime().Equal(now.ModTime())
}

// buffers are for reading files to their ends. A backup reads many small ones.
var buffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// check reads a file to its end.
func check(f io.Reader) (c lineend.Checker, err error) {
	buf := buffers.Get().(*[32 << 10]byte)
	defer buffers.Put(buf)
	for {
		n, err := f.Read(buf[:])
		_, _ = c.Write(buf[:n])
		if err == io.EOF {
			return c, nil
		}
		if err != nil {
			return c, err
		}
	}
}

// FormOf returns the form of a message with the line ends that a lineend.Checker found.
func FormOf(kind lineend.Kind, ends string) mail.Form {
	switch {
	case kind == lineend.LF, kind == lineend.None:
		return mail.Form{Lines: mail.LinesLF}
	case ends != "":
		return mail.Form{Ends: ends}
	}
	return mail.Form{Lines: mail.LinesKept}
}

// inMemory is the size up to which a file is read at once.
const inMemory = 256 << 10

// Read opens the message in a file as it is archived.
func Read(root *os.Root, name string) (io.ReadCloser, error) {
	f, info, err := Open(root, name)
	if err != nil {
		return nil, err
	}
	return read(f, info)
}

// read returns the message in a file, and closes the file in the end.
func read(f *os.File, info fs.FileInfo) (_ io.ReadCloser, err error) {
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	if info.Size() > mail.MaxMessage {
		return nil, fmt.Errorf("%s has %d bytes, and a message has at most %d",
			f.Name(), info.Size(), int64(mail.MaxMessage))
	}
	if info.Size() <= inMemory {
		return readWhole(f, info)
	}
	c, err := check(f)
	if err == nil {
		err = unchanged(f, info, c.Size())
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, err
	}
	whole := &exact{file: f, info: info}
	if c.IsConvertible() {
		return body{lineend.NewCRLFReader(whole), f}, nil
	}
	return body{whole, f}, nil
}

// readWhole returns the message in a small file, and closes the file.
func readWhole(f *os.File, info fs.FileInfo) (io.ReadCloser, error) {
	text := make([]byte, info.Size())
	n, err := io.ReadFull(f, text)
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = unchanged(f, info, int64(n))
	}
	if err != nil {
		return nil, err
	}
	f.Close()
	var c lineend.Checker
	if _, _ = c.Write(text); c.IsConvertible() {
		return io.NopCloser(lineend.NewCRLFReader(bytes.NewReader(text))), nil
	}
	return io.NopCloser(bytes.NewReader(text)), nil
}

// exact reads a file to its end, which is an error if the file changed meanwhile.
type exact struct {
	file *os.File
	info fs.FileInfo
	read int64
}

func (e *exact) Read(p []byte) (int, error) {
	n, err := e.file.Read(p)
	if e.read += int64(n); err == io.EOF || e.read > e.info.Size() {
		if changed := unchanged(e.file, e.info, e.read); changed != nil {
			err = changed
		}
	}
	return n, err
}

type body struct {
	io.Reader
	io.Closer
}
