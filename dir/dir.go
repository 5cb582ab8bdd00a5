// Package dir keeps a repository in a local directory, as a store.Store.
//
// An object is a file under its own name, so that anything that copies files copies a repository. What a name may be
// made of (store.ValidName) is safe on every file system; a file with any other name is not an object, and is left alone.
// Where there is a file "a", no object "a/b" can be made, and the reverse: mailstrata uses no such names.
//
// A body is first written, whole, to a file in the directory "_tmp" (a name that no object has), synced, and then
// given its name in a way that never replaces anything (name.go). The directory that holds the name is synced too
// before Put returns. A crash leaves at most a file in "_tmp", which a later run removes a day after.
//
// The clock is the file system's, so that it is the same for every host that shares it: Now makes a file and looks
// at its modification time, and an object's time is set when its name is made.
package dir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/mailstrata/mailstrata/repo/store"
)

// tmpDir holds bodies that have no name yet. '_' keeps it out of the way of every object.
const tmpDir = "_tmp"

// Only the owner may read an archive of mail, sealed or not.
const (
	dirMode  = 0o700
	fileMode = 0o600
)

// Dir is a directory of objects.
type Dir struct {
	root      string
	opened    os.FileInfo // of root
	sweep     sync.Once
	publisher atomic.Int32 // the index of the first of publishers that the file system may support
	synced    sync.Map     // directories whose own names are known to be durable: path → struct{}
}

// Create makes a directory for a new repository, with its parents, and opens it. It may be there already if it is empty.
func Create(path string) (*Dir, error) {
	if err := os.MkdirAll(path, dirMode); err != nil {
		return nil, fmt.Errorf("make a directory for the repository: %w", err)
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, fmt.Errorf("make a directory for the repository: %w", err)
	}
	for _, e := range entries {
		if e.Name() != tmpDir {
			return nil, fmt.Errorf("%s is not empty (it holds %q): a repository needs a directory of its own", path, e.Name())
		}
	}
	d, err := Open(path)
	if err != nil {
		return nil, err
	}
	for at, parent := d.root, filepath.Dir(d.root); at != parent; at, parent = parent, filepath.Dir(parent) {
		if err := syncDir(parent); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// Open opens an existing directory. The error is store.ErrNotExist if it does not exist.
func Open(path string) (*Dir, error) {
	root, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(root)
	if absent(err) {
		return nil, fmt.Errorf("%w: %v", store.ErrNotExist, err)
	}
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s is a file, not a directory that can hold a repository", path)
	}
	return &Dir{root: root, opened: info}, nil
}

// Get implements store.Store.
func (d *Dir) Get(ctx context.Context, name string, offset, length int64) (io.ReadCloser, int64, error) {
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	path, err := d.path(name)
	if err != nil {
		return nil, 0, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, d.objectError(err)
	}
	size, err := fileSize(f)
	if err == nil {
		offset, length, err = within(size, offset, length)
	}
	if err != nil {
		f.Close()
		return nil, 0, fmt.Errorf("%s: %w", path, err)
	}
	return &section{io.NewSectionReader(f, offset, length), f}, size, nil
}

// section is a stretch of a file, whose Close closes the file. A file that a fault of the disk, or somebody,
// shortened after Get looked at it ends with an error, not early.
type section struct {
	*io.SectionReader
	file *os.File
}

func (s *section) Read(p []byte) (int, error) {
	n, err := s.SectionReader.Read(p)
	if at, _ := s.Seek(0, io.SeekCurrent); err == io.EOF && at < s.Size() {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (s *section) Close() error { return s.file.Close() }

// fileSize returns the size of what must be an ordinary file.
func fileSize(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if !info.Mode().IsRegular() {
		return 0, fmt.Errorf("%w: this is no ordinary file", store.ErrNotExist)
	}
	return info.Size(), nil
}

// within makes a range definite, or says that it is not inside size bytes.
func within(size, offset, length int64) (from, n int64, err error) {
	if offset < 0 {
		offset += size
	}
	if length < 0 {
		length = size - offset
	}
	if offset < 0 || length < 0 || length > size-offset {
		return 0, 0, store.ErrRange
	}
	return offset, length, nil
}

// Delete implements store.Store.
func (d *Dir) Delete(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	path, err := d.path(name)
	if err != nil {
		return err
	}
	if info, err := os.Lstat(path); err == nil && info.IsDir() {
		return nil // it holds objects, and is none
	}
	err = os.Remove(path)
	switch {
	case absent(err):
		return d.gone()
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w: %w", store.ErrRetained, err)
	}
	return err
}

// WriterTimed implements repo.WriterTimed: the writer of a file can set its modification time.
func (d *Dir) WriterTimed() {}

// Now implements store.Store: the modification time of a file made for the purpose.
func (d *Dir) Now(ctx context.Context) (time.Time, error) {
	if err := ctx.Err(); err != nil {
		return time.Time{}, err
	}
	f, err := d.temp()
	if err != nil {
		return time.Time{}, err
	}
	defer discard(f)
	if err := touch(f, 0); err != nil {
		return time.Time{}, err
	}
	info, err := f.Stat()
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}

func (d *Dir) path(name string) (string, error) {
	if !store.ValidName(name) {
		return "", fmt.Errorf("%q is not a name for an object", name)
	}
	return filepath.Join(d.root, filepath.FromSlash(name)), nil
}
