package sftp

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"github.com/pkg/sftp"

	"github.com/mailstrata/mailstrata/repo/store"
	"github.com/mailstrata/mailstrata/repo/store/filetree"
)

// staleAfter is the age at which no run uses a file in "_tmp".
const staleAfter = 24 * time.Hour

// Put implements store.Store.
func (s *Store) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	at, err := s.object(name)
	if err != nil {
		return err
	}
	return s.retry(ctx, "put "+name, func(c *connection) error {
		if _, err := c.Lstat(at); err == nil {
			return s.same(ctx, c, at, body, size) // do not send a body that is there
		}
		f, err := s.write(ctx, c, body, size)
		if err != nil {
			return s.explain(c, err)
		}
		defer discard(c, f)
		if err := s.makeDir(c, path.Dir(at)); err != nil {
			return s.explain(c, err)
		}
		err = s.publish(c, f, at, body, size)
		if errors.Is(err, fs.ErrExist) {
			return s.same(ctx, c, at, body, size)
		}
		return s.explain(c, err)
	})
}

// write makes a durable file in "_tmp" with the body.
func (s *Store) write(ctx context.Context, c *connection, body io.ReaderAt, size int64) (*sftp.File, error) {
	f, err := s.temp(c)
	if err != nil {
		return nil, err
	}
	s.sweep.Do(func() { s.removeStale(c, f) })
	if err = filetree.Write(ctx, f, body, size); err == nil {
		err = f.Sync()
	}
	if err != nil {
		discard(c, f)
		return nil, err
	}
	return f, nil
}

// touch sets the modification time of a file to the present by the server's clock, by writing its
// last byte again. A request that sets the time would use this host's clock. The object exists by
// now, and stays as it is.
func touch(f *sftp.File, body io.ReaderAt, size int64) error {
	if size == 0 {
		return f.Truncate(0)
	}
	last := make([]byte, 1)
	if _, err := body.ReadAt(last, size-1); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	_, err := f.WriteAt(last, size-1)
	return err
}

// same returns nil if the file at this path has the body, and ErrExist if it has other content.
func (s *Store) same(ctx context.Context, c *connection, at string, body io.ReaderAt, size int64) error {
	f, err := c.Open(at)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%w: %s is in the way, and is not an ordinary file", store.ErrExist, at)
	}
	if err := filetree.Compare(ctx, at, f, info.Size(), body, size); err != nil {
		return err
	}
	return f.Sync() // the process that made the name may not have synced it
}

// temp makes a file in "_tmp".
func (s *Store) temp(c *connection) (*sftp.File, error) {
	at := s.path(tmpDir + "/" + strings.ToLower(rand.Text()))
	f, err := c.OpenFile(at, os.O_RDWR|os.O_CREATE|os.O_EXCL)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	if err := s.mkdir(c, s.path(tmpDir)); err != nil {
		return nil, err
	}
	return c.OpenFile(at, os.O_RDWR|os.O_CREATE|os.O_EXCL)
}

// removeStale removes what crashed runs left in "_tmp". Ages are by the server's clock, which
// fresh, a new file, shows.
func (s *Store) removeStale(c *connection, fresh *sftp.File) {
	info, err := fresh.Stat()
	if err != nil {
		return
	}
	entries, _ := c.ReadDir(s.path(tmpDir))
	for _, e := range entries {
		if info.ModTime().Sub(e.ModTime()) > staleAfter {
			_ = c.Remove(s.path(tmpDir + "/" + e.Name()))
		}
	}
}

// discard closes and removes a file of "_tmp". After publish it has another name, which stays.
func discard(c *connection, f *sftp.File) {
	_ = f.Close()
	_ = c.Remove(f.Name())
}

// makeDir makes a directory under the root.
func (s *Store) makeDir(c *connection, at string) error {
	if at == s.Path {
		return nil
	}
	if _, ok := s.made.Load(at); ok {
		return nil
	}
	if err := s.makeDir(c, path.Dir(at)); err != nil {
		return err
	}
	if err := s.mkdir(c, at); err != nil {
		return err
	}
	s.made.Store(at, struct{}{})
	return nil
}

// mkdirAll makes a directory, with its parents, unless it exists.
func (s *Store) mkdirAll(c *connection, at string) error {
	if _, err := c.Stat(at); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := s.mkdirAll(c, path.Dir(at)); err != nil {
		return err
	}
	return s.mkdir(c, at)
}

// mkdir makes a directory if there is none. Version 3 of the protocol has no status for a name that
// exists.
func (s *Store) mkdir(c *connection, at string) error {
	err := c.Mkdir(at)
	if err == nil {
		return s.checkUmask(c, at)
	}
	if info, other := c.Stat(at); other == nil && info.IsDir() {
		return nil
	}
	return err
}

// checkUmask removes a directory that was just made, and returns an error, if its owner may not use
// it. It looks at the first directory that a run makes. Some servers give no modes.
func (s *Store) checkUmask(c *connection, at string) error {
	if s.usable.Load() {
		return nil
	}
	info, err := c.Stat(at)
	if err != nil {
		return err
	}
	mode := info.Mode().Perm()
	if mode == 0 || mode&0o700 == 0o700 {
		s.usable.Store(true)
		return nil
	}
	_ = c.RemoveDirectory(at)
	return fmt.Errorf("the server makes directories that their owner cannot use: %s got the mode %04o, because the umask of the SFTP server "+
		"takes rights from the owner. Set it to 077 (OpenSSH: internal-sftp -u 077)", at, mode)
}

// explain adds that the disk of the server is full. Version 3 of the protocol has no status for it.
func (s *Store) explain(c *connection, err error) error {
	var status *sftp.StatusError
	if err == nil || !errors.As(err, &status) {
		return err
	}
	if disk, other := c.StatVFS(s.Path); other == nil && disk.FreeSpace() < 64<<20 {
		return fmt.Errorf("the disk of the server is full; nothing was kept of this object: free some space and run again: %w", err)
	}
	return err
}
