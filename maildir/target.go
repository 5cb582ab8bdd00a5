package maildir

import (
	"context"
	"errors"
	"fmt"
	"path"
	"sync"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/tree"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

// Target is a Maildir. Restoring adds messages and folders, and entries to the lists of keywords and subscriptions; it
// changes and removes nothing else.
//
// The files that Append added have their names when the Folder is closed, and are durable when the Target is closed.
type Target struct {
	path     string
	options  Options
	hasher   func() *chunk.Hasher
	reserved []mail.Mailbox

	mu  sync.Mutex
	top *tree.Tree // nil: not open yet
}

var (
	_ restore.Target    = (*Target)(nil)
	_ restore.Unordered = (*Target)(nil)
	_ restore.Informed  = (*Target)(nil)
)

// New returns a Target for the Maildir at path. It does not access the disk.
func New(path string, options Options) *Target { return &Target{path: path, options: options} }

// Inform implements restore.Informed.
func (t *Target) Inform(with restore.ArchiveInfo) { t.hasher, t.reserved = with.Hasher, with.Mailboxes }

// Parallel implements restore.Target.
func (t *Target) Parallel() int { return 4 }

// Unordered implements restore.Unordered. The names of the files have the order of the messages.
func (t *Target) Unordered() bool { return true }

// Close implements restore.Target.
func (t *Target) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.top == nil {
		return nil
	}
	err := t.top.Close()
	t.top = nil
	return err
}

// Open implements restore.Target.
func (t *Target) Open(ctx context.Context, place restore.Place) (restore.Folder, error) {
	top, err := t.openTree()
	if err != nil {
		return nil, err
	}
	dir, err := top.Rel(place.Name)
	if err != nil {
		return nil, err
	}
	if err := top.Check(path.Join(dir, "new")); err != nil {
		return nil, err
	}
	files, root, err := top.Files(dir, "tmp", "cur")
	if err != nil {
		return nil, err
	}
	f := &folder{eol: t.options.EOL, path: place.Name, root: root, files: files, hasher: t.hasher}
	if err := f.load(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("read %s: %w", place.Name, err), files.Close())
	}
	return f, nil
}

// openTree opens the Maildir. It makes the Maildir if it does not exist.
func (t *Target) openTree() (*tree.Tree, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.top != nil {
		return t.top, nil
	}
	top, err := tree.Open(t.path)
	if err != nil {
		return nil, err
	}
	err = checkTop(top)
	if err == nil {
		err = t.make(top, location{inboxDir, inboxDir}, true)
	}
	if err != nil {
		top.Close()
		return nil, err
	}
	t.top = top
	return top, nil
}

// checkTop returns an error unless the directory is a Maildir or empty, so that a mistyped path does not fill other
// directories with mail.
func checkTop(top *tree.Tree) error {
	isMaildir := func() bool {
		info, err := top.Root().Lstat("cur")
		return err == nil && info.IsDir()
	}
	if isMaildir() {
		return nil
	}
	dir, err := top.Root().Open(".")
	if err != nil {
		return tree.Explain(top.Path("."), err)
	}
	defer dir.Close()
	for {
		names, err := dir.Readdirnames(1)
		if len(names) == 0 || err != nil {
			return nil
		}
		// Another restore may be making the Maildir, or may have been interrupted.
		if names[0] != "tmp" && names[0] != "new" && !isMaildir() {
			return fmt.Errorf("%s is neither empty nor a Maildir (it has %q): choose a directory only for the mail",
				top.Path("."), names[0])
		}
	}
}
