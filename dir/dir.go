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

	"github.com/mailstrata/mailstrata/internal/local"
	"github.com/mailstrata/mailstrata/repo/store"
)

// tmpDir has files that have no name yet. No object's name has a '_'.
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

// Create makes a directory for a new repository, with its parents, and opens it. The directory may
// exist if it is empty.
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
			return nil, fmt.Errorf("%s is not empty (it holds %q): a repository needs a directory of its own",
				path, e.Name())
		}
	}
	d, err := Open(path)
	if err != nil {
		return nil, err
	}
	for at, parent := d.root, filepath.Dir(d.root); at != parent; at, parent = parent, filepath.Dir(parent) {
		if err := local.SyncDir(parent); err != nil {
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
		offset, length, err = store.Within(size, offset, length)
	}
	if err != nil {
		f.Close()
		return nil, 0, fmt.Errorf("%s: %w", path, err)
	}
	return &section{io.NewSectionReader(f, offset, length), f}, size, nil
}

// section reads a range of a file, and its Close closes the file. If the file became shorter after
// Get, by a fault of the disk or by another program, Read returns an error, not an early end.
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

// fileSize returns the size of f, which must be an ordinary file.
func fileSize(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if !info.Mode().IsRegular() {
		return 0, fmt.Errorf("%w: not an ordinary file", store.ErrNotExist)
	}
	return info.Size(), nil
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
		return nil // a directory is not an object
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

// Now implements store.Store. It returns the modification time of a file that it makes.
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
