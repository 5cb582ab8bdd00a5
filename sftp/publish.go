package sftp

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/pkg/sftp"
)

// errReplaces refuses a server whose only way to name a file may replace another one.
var errReplaces = errors.New("the server cannot give a file a name without replacing another: it has no hard links (hardlink@openssh.com), " +
	"and its rename replaces files. It cannot keep a repository")

// publish gives a complete file in "_tmp" its name. It never replaces a file: if the name is taken,
// it returns fs.ErrExist. posix-rename@openssh.com, which replaces, is never used.
func (s *Store) publish(c *connection, f *sftp.File, at string, body io.ReaderAt, size int64) error {
	if !s.renames.Load() {
		err := c.Link(f.Name(), at)
		if err == nil {
			return errors.Join(touch(f, body, size), f.Sync())
		}
		if lost(err) || taken(c, at) {
			return existing(c, at, err)
		}
		// The server or its file system makes no links, or they are not allowed.
		if err := s.probeRename(c); err != nil {
			return err
		}
		s.renames.Store(true)
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := c.Rename(f.Name(), at); err != nil {
		return existing(c, at, err)
	}
	named, err := c.OpenFile(at, os.O_WRONLY)
	if err != nil {
		return err
	}
	defer named.Close()
	return errors.Join(touch(named, body, size), named.Sync())
}

// existing returns fs.ErrExist if the name is taken, and else err. Version 3 of the protocol has no
// status for it.
func existing(c *connection, at string, err error) error {
	if !lost(err) && taken(c, at) {
		return &fs.PathError{Op: "name", Path: at, Err: fs.ErrExist}
	}
	return err
}

func taken(c *connection, at string) bool {
	_, err := c.Lstat(at)
	return err == nil
}

// probe makes sure that the server can name files without replacing any, and can sync them.
func (s *Store) probe(c *connection) error {
	f, err := s.probeFile(c, "probe")
	if err != nil {
		return err
	}
	defer discard(c, f)
	if err := f.Sync(); err != nil {
		return fmt.Errorf("the server cannot make a file durable: %w", err)
	}
	second := f.Name() + "-link"
	if err := c.Link(f.Name(), second); err != nil {
		if lost(err) {
			return err
		}
		return s.probeRename(c)
	}
	defer func() { _ = c.Remove(second) }()
	if err := c.Link(f.Name(), second); err == nil {
		return errReplaces
	}
	return nil
}

// probeRename returns errReplaces if a rename can replace a file.
func (s *Store) probeRename(c *connection) error {
	from, err := s.probeFile(c, "from")
	if err != nil {
		return err
	}
	defer discard(c, from)
	to, err := s.probeFile(c, "the other")
	if err != nil {
		return err
	}
	defer discard(c, to)
	if err := c.Rename(from.Name(), to.Name()); err == nil {
		return errReplaces
	} else if lost(err) {
		return err
	}
	info, err := c.Lstat(to.Name())
	if err == nil && info.Size() != int64(len("the other")) {
		return errReplaces
	}
	return err
}

func (s *Store) probeFile(c *connection, text string) (*sftp.File, error) {
	f, err := s.temp(c)
	if err != nil {
		return nil, err
	}
	if _, err := f.ReadFrom(strings.NewReader(text)); err != nil {
		discard(c, f)
		return nil, err
	}
	return f, nil
}
