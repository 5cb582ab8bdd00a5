package maildir

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/internal/wholefile"
)

// dirMode: mail is for its owner.
const dirMode = 0o700

// Target is a Maildir that is restored into. Nothing there is changed or removed but the lists of keywords and
// subscriptions, which are added to.
//
// A message that Append tells to be added is durable when its Folder is closed.
type Target struct {
	path    string
	options Options

	mu     sync.Mutex
	root   *os.Root // nil: not open yet
	syncer *wholefile.Syncer
}

var (
	_ archive.Target    = (*Target)(nil)
	_ archive.Unordered = (*Target)(nil)
)

// New prepares to write to the Maildir at path. Nothing is made or looked at yet.
func New(path string, options Options) *Target { return &Target{path: path, options: options} }

// Parallel is how many folders are worth having open: one can be written while another is made durable.
func (t *Target) Parallel() int { return 4 }

// Unordered: the order of messages is in the names of their files.
func (t *Target) Unordered() bool { return true }

// Close ends the use of the Maildir. Folders are closed before.
func (t *Target) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.root == nil {
		return nil
	}
	err := errors.Join(t.syncer.Close(), t.root.Close())
	t.root = nil
	return err
}

// Open opens the folder of a mailbox that was prepared.
func (t *Target) Open(ctx context.Context, place archive.Place) (archive.Folder, error) {
	top, err := t.open()
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Rel(t.path, place.Name)
	if err != nil {
		return nil, fmt.Errorf("%s is no folder of %s", place.Name, t.path)
	}
	dir = filepath.ToSlash(dir)
	if err := checkFolder(top, dir); err != nil {
		return nil, wholefile.Explain(place.Name, err)
	}
	root, err := top.OpenRoot(dir)
	if err != nil {
		return nil, wholefile.Explain(place.Name, err)
	}
	f := &folder{eol: t.options.EOL, root: root, path: place.Name}
	if err := f.load(ctx); err != nil {
		root.Close()
		return nil, fmt.Errorf("read %s: %w", place.Name, err)
	}
	f.dir = wholefile.Open(root, place.Name, "tmp", "cur", t.syncer)
	f.dir.RemoveStale()
	return f, nil
}

// open opens the Maildir itself, which it makes where there is none.
func (t *Target) open() (*os.Root, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.root != nil {
		return t.root, nil
	}
	if err := os.MkdirAll(t.path, dirMode); err != nil {
		return nil, wholefile.Explain(t.path, err)
	}
	root, err := os.OpenRoot(t.path)
	if err != nil {
		return nil, wholefile.Explain(t.path, err)
	}
	if err := checkTop(root, t.path); err != nil {
		root.Close()
		return nil, err
	}
	if t.syncer, err = wholefile.NewSyncer(root); err != nil {
		root.Close()
		return nil, wholefile.Explain(t.path, err)
	}
	t.root = root
	return root, nil
}

// checkTop makes sure that a directory is a Maildir, or empty: what belongs to other programs is not to be filled with
// mail because of a mistyped path.
func checkTop(root *os.Root, path string) error {
	if info, err := root.Lstat("cur"); err == nil && info.IsDir() {
		return nil
	}
	dir, err := root.Open(".")
	if err != nil {
		return wholefile.Explain(path, err)
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(1)
	if len(names) > 0 {
		return fmt.Errorf("%s is neither empty nor a Maildir (it holds %q): name a directory of its own for the mail", path, names[0])
	}
	return nil
}
