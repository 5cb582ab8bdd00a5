package tree

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

// Lazy is a Tree that is opened when it is first needed. The targets of maildir and eml embed it.
type Lazy struct {
	Dir   string            // the directory of the Tree
	Begin func(*Tree) error // prepares the Tree after it was opened; may be nil

	mu   sync.Mutex
	tree *Tree // nil: not open yet
}

// Parallel implements restore.Target.
func (l *Lazy) Parallel() int { return 4 }

// Unordered implements restore.Unordered. The names of the files have the order of the messages.
func (l *Lazy) Unordered() bool { return true }

// MaxFolders implements restore.Bounded.
func (l *Lazy) MaxFolders() int {
	folders, _ := shares(openLimit())
	return int(folders)
}

// Tree opens the Tree. It makes the directory if it does not exist.
func (l *Lazy) Tree() (*Tree, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.tree != nil {
		return l.tree, nil
	}
	tree, err := Open(l.Dir)
	if err != nil {
		return nil, err
	}
	if l.Begin != nil {
		if err := l.Begin(tree); err != nil {
			tree.Close()
			return nil, err
		}
	}
	l.tree = tree
	return tree, nil
}

// At opens the Tree and returns the directory of a place in it.
func (l *Lazy) At(place restore.Place) (tree *Tree, dir string, err error) {
	if tree, err = l.Tree(); err == nil {
		dir, err = tree.Rel(place.Name)
	}
	return tree, dir, err
}

// Close implements restore.Target.
func (l *Lazy) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.tree == nil {
		return nil
	}
	err := l.tree.Close()
	l.tree = nil
	return err
}

// Make opens the Tree, makes the directory of each mailbox, and returns the places that it made,
// also with an error. dirs are the directories; mkdir makes one, by its index. If two mailboxes
// would share one, Make makes none.
func (l *Lazy) Make(
	ctx context.Context, mailboxes []mail.Mailbox, dirs []string, mkdir func(*Tree, int) error,
) ([]restore.Place, error) {
	if err := CheckApart(l.Dir, mailboxes, dirs); err != nil {
		return nil, err
	}
	tree, err := l.Tree()
	if err != nil {
		return nil, err
	}
	places := make([]restore.Place, 0, len(mailboxes))
	for i := range mailboxes {
		box := &mailboxes[i]
		if err := errors.Join(ctx.Err(), mkdir(tree, i)); err != nil {
			return places, err
		}
		places = append(places, restore.Place{Mailbox: box.Name, Name: tree.Path(dirs[i]), Skip: !box.Selectable()})
	}
	return places, nil
}

// Existing returns the places of mailboxes, for restore.Previewer. dirs are their directories. A
// directory without the subdirectory sub does not exist yet.
func (l *Lazy) Existing(mailboxes []mail.Mailbox, dirs []string, sub string) ([]restore.Place, error) {
	places := make([]restore.Place, len(mailboxes))
	for i := range mailboxes {
		box := &mailboxes[i]
		places[i] = restore.Place{Mailbox: box.Name, Skip: !box.Selectable()}
		at := filepath.Join(l.Dir, filepath.FromSlash(dirs[i]))
		switch info, err := os.Stat(filepath.Join(at, sub)); {
		case err == nil && info.IsDir():
			places[i].Name = at
		case err != nil && !errors.Is(err, os.ErrNotExist):
			return nil, Explain(at, err)
		}
	}
	return places, nil
}

// ReadNames calls take with the name of each entry of a directory of root.
func ReadNames(ctx context.Context, root *os.Root, dir string, take func(name string)) error {
	open, err := root.Open(dir)
	if err != nil {
		return err
	}
	defer open.Close()
	for {
		names, err := open.Readdirnames(4096)
		for _, name := range names {
			take(name)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
	}
}
