package maildir

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/tree"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

// Target is a Maildir. Restoring adds messages and folders, and entries to the lists of keywords
// and subscriptions; it changes and removes nothing else.
//
// The files that Append added have their names when the Folder is closed, and are durable when the
// Target is closed.
type Target struct {
	tree.Lazy
	options  Options
	hasher   func() *chunk.Hasher
	reserved []mail.Mailbox
}

var (
	_ restore.Target    = (*Target)(nil)
	_ restore.Unordered = (*Target)(nil)
	_ restore.Informed  = (*Target)(nil)
	_ restore.Previewer = (*Target)(nil)
)

// New returns a Target for the Maildir at path. It does not access the disk.
func New(path string, options Options) *Target {
	t := &Target{options: options}
	t.Lazy = tree.Lazy{Dir: path, Begin: t.begin}
	return t
}

// Inform implements restore.Informed.
func (t *Target) Inform(with restore.ArchiveInfo) { t.hasher, t.reserved = with.Hasher, with.Mailboxes }

// Open implements restore.Target.
func (t *Target) Open(ctx context.Context, place restore.Place) (restore.Folder, error) {
	top, dir, err := t.At(place)
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

// OpenRead implements restore.Previewer.
func (t *Target) OpenRead(ctx context.Context, place restore.Place) (restore.ReadFolder, error) {
	root, err := os.OpenRoot(place.Name)
	if err != nil {
		return nil, tree.Explain(place.Name, err)
	}
	f := &folder{path: place.Name, root: root, hasher: t.hasher}
	if f.present, err = readPresent(ctx, root); err != nil {
		return nil, errors.Join(fmt.Errorf("read %s: %w", place.Name, err), root.Close())
	}
	return &readFolder{f}, nil
}

// begin makes INBOX in a new Maildir.
func (t *Target) begin(top *tree.Tree) error {
	if err := checkTop(top); err != nil {
		return err
	}
	return t.make(top, location{inboxDir, inboxDir}, true)
}

// checkTop returns an error unless the directory is a Maildir or empty, so that a mistyped path
// does not fill other directories with mail.
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
