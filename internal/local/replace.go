package local

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
)

// Replacement is a new version of a file, written under a temporary name in the same directory. It
// ends with Commit or Discard. A crash of the process or the host leaves either the old version or
// the new one.
type Replacement struct {
	File
	path string
}

// NewReplacement begins a new version of the file at path, which need not exist. Only its owner can
// read it.
func NewReplacement(path string) (*Replacement, error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return nil, Fail("write", path, err)
	}
	return &Replacement{File{f}, path}, nil
}

// Path returns the path of the file.
func (r *Replacement) Path() string { return r.path }

// Commit makes the new version durable and gives it the name of the file.
func (r *Replacement) Commit() error {
	err := errors.Join(r.Sync(), r.Close())
	if err == nil {
		err = os.Rename(r.Name(), r.path)
	}
	if err == nil {
		err = SyncDir(filepath.Dir(r.path))
	}
	if err != nil {
		_ = os.Remove(r.Name())
	}
	return Fail("write", r.path, err)
}

// Discard removes the new version.
func (r *Replacement) Discard() {
	_ = r.Close()
	_ = os.Remove(r.Name())
}

// Replace writes text to the file at path, as a Replacement.
func Replace(path string, text []byte) error {
	r, err := NewReplacement(path)
	if err != nil {
		return err
	}
	if _, err := r.Write(text); err != nil {
		r.Discard()
		return err
	}
	return r.Commit()
}

// SyncDir makes the names in a directory durable. It returns nil if the system or the file
// system cannot do so: Windows, and some file systems.
func SyncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	err = f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) || errors.Is(err, os.ErrPermission) {
		return nil
	}
	return err
}
