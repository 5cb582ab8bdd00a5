package sftp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pkg/sftp"

	"github.com/mailstrata/mailstrata/repo/store"
)

// tmpDir has files that have no name yet. No object's name has a '_'.
const tmpDir = "_tmp"

// atOnce is the number of requests under way. A server allows some hundred open files.
const atOnce = 64

// Options says where a repository is, and how to reach it. Location is required.
type Options struct {
	Location

	// Command is the program that connects, with options, as a shell reads it; "" means ssh. The
	// location and "-s sftp" follow as arguments of ssh.
	Command string

	Waiting  func(err error) // called while an error persists, from any goroutine; may be nil
	Patience time.Duration   // how long to retry what may pass; default 5 minutes
}

// Store is a directory of another host.
type Store struct {
	Options
	slots chan struct{} // a value for each request under way

	connecting sync.Mutex
	current    atomic.Pointer[connection]
	reached    atomic.Bool  // the host has answered
	reported   atomic.Int64 // when Waiting was last called, Unix nanoseconds

	hasConfig bool        // when it was opened
	sweep     sync.Once   // of "_tmp"
	made      sync.Map    // directories that exist: path → struct{}
	usable    atomic.Bool // the owner may use the directories that the server makes
	renames   atomic.Bool // the server renames without replacing, and makes no links
}

func newStore(o Options) *Store {
	o.Patience = cmp.Or(o.Patience, 5*time.Minute)
	return &Store{Options: o, slots: make(chan struct{}, atOnce)}
}

// Open opens an existing directory. The error is store.ErrNotExist if it does not exist.
func Open(ctx context.Context, o Options) (*Store, error) {
	s := newStore(o)
	err := s.retry(ctx, "open "+s.String(), func(c *connection) error {
		info, err := c.Stat(s.Path)
		if err != nil {
			return err
		}
		if !info.IsDir() {
			return fmt.Errorf("%s is a file, not a directory that can hold a repository", s.Path)
		}
		_, err = c.Lstat(s.path("config"))
		s.hasConfig = err == nil
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return err
	})
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Create makes a directory for a new repository, with its parents, and opens it. The directory may
// exist if it is empty. Create fails if the server cannot store objects durably, or only in a way
// that could replace one.
func Create(ctx context.Context, o Options) (*Store, error) {
	s := newStore(o)
	err := s.retry(ctx, "make "+s.String(), s.create)
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Store) create(c *connection) error {
	if _, has := c.HasExtension("fsync@openssh.com"); !has {
		return errors.New("the server cannot make files durable (it lacks fsync@openssh.com), so it cannot keep a repository")
	}
	_, err := c.Stat(s.Path)
	if fresh := errors.Is(err, fs.ErrNotExist); fresh {
		if err := s.mkdirAll(c, s.Path); err != nil {
			return err
		}
		// Only the owner may read an archive of mail, sealed or not.
		if err := c.Chmod(s.Path, 0o700); err != nil {
			return err
		}
	}
	entries, err := c.ReadDir(s.Path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() != tmpDir {
			return fmt.Errorf("%s is not empty (it holds %q): a repository needs a directory of its own",
				s.String(), e.Name())
		}
	}
	return s.probe(c)
}

// Close ends the connection.
func (s *Store) Close() error {
	if c := s.current.Swap(nil); c != nil {
		c.end()
		<-c.ended
	}
	return nil
}

// WriterTimed implements repo.WriterTimed: the writer of a file can set its modification time.
func (s *Store) WriterTimed() {}

// Now implements store.Store. It returns the modification time of a file that it makes.
func (s *Store) Now(ctx context.Context) (now time.Time, err error) {
	err = s.retry(ctx, "read the clock", func(c *connection) error {
		f, err := s.temp(c)
		if err != nil {
			return err
		}
		defer discard(c, f)
		info, err := f.Stat()
		if err == nil {
			now = info.ModTime()
		}
		return err
	})
	return now, err
}

// Delete implements store.Store.
func (s *Store) Delete(ctx context.Context, name string) error {
	at, err := s.object(name)
	if err != nil {
		return err
	}
	return s.retry(ctx, "delete "+name, func(c *connection) error {
		info, err := c.Lstat(at)
		if err == nil && !info.IsDir() { // a directory is not an object, and Remove would remove it
			err = c.Remove(at)
		}
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return s.gone(c)
		case errors.Is(err, fs.ErrPermission), errors.Is(err, sftp.ErrSSHFxPermissionDenied):
			return fmt.Errorf("%w: %v", store.ErrRetained, err)
		}
		return err
	})
}

// path returns the path of a file in the directory.
func (s *Store) path(name string) string { return path.Join(s.Path, name) }

// object returns the path of an object.
func (s *Store) object(name string) (string, error) {
	if !store.ValidName(name) {
		return "", fmt.Errorf("%q is not a name for an object", name)
	}
	return s.path(name), nil
}
