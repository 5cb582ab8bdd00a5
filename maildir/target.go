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

// Target is a Maildir that is restored into. Nothing there is changed or removed but the lists of keywords and
// subscriptions, which are added to.
//
// A message that Append tells to be added has its name when its Folder is closed, and is durable when the Target is.
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

// New prepares to write to the Maildir at path. Nothing is made or looked at yet.
func New(path string, options Options) *Target { return &Target{path: path, options: options} }

// Inform implements restore.Informed.
func (t *Target) Inform(with restore.ArchiveInfo) { t.hasher, t.reserved = with.Hasher, with.Mailboxes }

// Parallel is how many folders are worth adding to at once.
func (t *Target) Parallel() int { return 4 }

// Unordered: the order of messages is in the names of their files.
func (t *Target) Unordered() bool { return true }

// Close ends the use of the Maildir. Folders are closed before.
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

// Open opens the folder of a mailbox that was prepared.
func (t *Target) Open(ctx context.Context, place restore.Place) (restore.Folder, error) {
	top, err := t.open()
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

// open opens the Maildir itself, which it makes where there is none.
func (t *Target) open() (*tree.Tree, error) {
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

// checkTop makes sure that a directory is a Maildir, or empty: what belongs to other programs is not to be filled with
// mail because of a mistyped path.
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
		if names[0] != "tmp" && names[0] != "new" && !isMaildir() { // or one that another restore has just begun, or that was interrupted at once
			return fmt.Errorf("%s is neither empty nor a Maildir (it holds %q): name a directory of its own for the mail", top.Path("."), names[0])
		}
	}
}
