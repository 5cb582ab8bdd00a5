package local

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// PartialSuffix ends the name of a Partial until it is complete. No other program writes such
// files, so one that a crash left can be removed.
const PartialSuffix = ".mailstrata-partial"

// Partial is a new file that gets its name when it is complete. Until then it is called like the
// file, with PartialSuffix at the end. It ends with Commit or Discard. After a crash, another
// Partial of the same file replaces it.
type Partial struct {
	File
	path string
}

// NewPartial begins the file at path. A file that exists is an error that wraps fs.ErrExist. Only
// the owner can read the new one.
func NewPartial(path string) (*Partial, error) {
	if err := checkNew(path); err != nil {
		return nil, err
	}
	temp := path + PartialSuffix
	if info, err := os.Lstat(temp); err == nil && info.Mode().IsRegular() {
		if err := os.Remove(temp); err != nil {
			return nil, Fail("remove", temp, err)
		}
	}
	f, err := os.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, Fail("write", temp, err)
	}
	return &Partial{File{f}, path}, nil
}

// Write implements io.Writer. Its errors name the file as it will be called.
func (p *Partial) Write(b []byte) (int, error) {
	n, err := p.File.File.Write(b)
	if named := new(fs.PathError); errors.As(err, &named) {
		err = named.Err
	}
	return n, Fail("write", p.path, err)
}

// Suspend closes the file until Resume, so that many can be written in turn.
func (p *Partial) Suspend() error { return p.Close() }

// Resume opens the file again, to write at its end.
func (p *Partial) Resume() error {
	f, err := os.OpenFile(p.Name(), os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		return Fail("write", p.Name(), err)
	}
	p.File = File{f}
	return nil
}

// checkNew returns an error if there is a file at path.
func checkNew(path string) error {
	_, err := os.Lstat(path)
	switch {
	case err == nil:
		return fmt.Errorf("%s: %w: name another one, or remove it", path, fs.ErrExist)
	case errors.Is(err, fs.ErrNotExist):
		return nil
	}
	return Fail("write", path, err)
}

// Commit makes the file durable and gives it its name. It never replaces a file.
func (p *Partial) Commit() error {
	err := p.Sync()
	if errors.Is(err, fs.ErrClosed) {
		if err = p.Resume(); err == nil {
			err = p.Sync()
		}
	}
	err = errors.Join(err, p.Close(), checkNew(p.path))
	if err == nil {
		if err = os.Link(p.Name(), p.path); err == nil {
			err = os.Remove(p.Name())
		} else if !errors.Is(err, fs.ErrExist) { // a file system without links
			err = os.Rename(p.Name(), p.path)
		}
	}
	if err == nil {
		err = SyncDir(filepath.Dir(p.path))
	}
	if err != nil {
		_ = os.Remove(p.Name())
	}
	return Fail("write", p.path, err)
}

// Discard removes the file. It does nothing after Commit.
func (p *Partial) Discard() {
	_ = p.Close()
	_ = os.Remove(p.Name())
}
