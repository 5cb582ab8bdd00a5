package local

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
)

// Replace writes a file so that a crash of the process or of the host leaves either the old text or the new one.
func Replace(path string, text []byte) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return Fail("write", path, err)
	}
	defer os.Remove(f.Name()) // it fails once the file has its name
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err == nil {
		err = SyncDir(dir)
	}
	return Fail("write", path, err)
}

// SyncDir makes the names in a directory durable. Some file systems cannot do that for a directory, and Windows cannot at all.
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
