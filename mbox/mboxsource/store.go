package mboxsource

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/backup/source/disk"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/local"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/mbox"
)

// Store is one mbox, or a directory of them.
type Store struct {
	path    string
	variant *mbox.Variant // nil: found

	hasher   func() *chunk.Hasher
	archived map[string]uint32 // the messages of the mailboxes that are archived, by raw name

	mu    sync.Mutex
	files map[string]*file // by path
}

var (
	_ disk.Store     = (*Store)(nil)
	_ disk.Continued = (*Store)(nil)
)

// New returns the mbox files at path. If variant is nil, it is found. New reads nothing yet.
func New(path string, variant *mbox.Variant) *Store {
	return &Store{path: path, variant: variant, files: make(map[string]*file)}
}

// Kind implements disk.Store.
func (*Store) Kind() string { return "mbox" }

// ByHash implements disk.Store.
func (*Store) ByHash() bool { return true }

// Continue implements disk.Continued.
func (s *Store) Continue(previous source.Previous) {
	s.hasher, s.archived = previous.Hasher, make(map[string]uint32)
	for _, box := range previous.Mailboxes() {
		if s.archived[box.Raw] = 0; box.Status != nil {
			s.archived[box.Raw] = box.Status.Messages
		}
	}
}

// Folders implements disk.Store.
func (s *Store) Folders(ctx context.Context) ([]disk.Folder, []string, error) {
	info, err := os.Stat(s.path)
	if err != nil {
		return nil, nil, err
	}
	w := &walk{Walk: disk.Walk{Path: s.path, Levels: levels}, store: s}
	w.Visit = w.visit
	if info.IsDir() {
		err = w.Run(ctx)
	} else {
		err = w.only(ctx)
	}
	if err != nil {
		return nil, nil, err
	}
	w.addLabels()
	if len(w.Folders) == 0 {
		return nil, nil, w.None("mbox: no file in it begins with a From line")
	}
	return w.Folders, w.Notes, nil
}

// walk finds the files of a directory.
type walk struct {
	disk.Walk
	store  *Store
	labels []mail.Mailbox // of Takeout's files
}

// only adds the mailbox of the only file.
func (w *walk) only(ctx context.Context) (err error) {
	dir, name := filepath.Split(w.Path)
	if w.Root, err = os.OpenRoot(filepath.Clean(dir)); err != nil {
		return err
	}
	w.Path = dir
	err = w.add(ctx, name)
	if errors.Is(err, mbox.ErrNotMbox) && isCompressed(name) {
		err = errors.New("it is compressed: decompress it first")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", w.store.path, err)
	}
	return nil
}

// visit adds the mailboxes of the files in a directory. It returns the directories in it, except
// for hidden ones.
func (w *walk) visit(ctx context.Context, dir string, entries []fs.DirEntry) (below []fs.DirEntry, err error) {
	if dir == "." {
		w.labels = nil
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		switch {
		case strings.HasPrefix(e.Name(), "."):
		case e.Type()&fs.ModeSymlink != 0:
			w.NoteLink(name)
		case e.IsDir():
			below = append(below, e)
		case e.Type().IsRegular() && !strings.HasSuffix(name, local.PartialSuffix):
			err := w.add(ctx, name)
			switch {
			case err == nil, errors.Is(err, mbox.ErrNotMbox):
			case errors.Is(err, fs.ErrNotExist):
				w.Moved = true
			case ctx.Err() != nil:
				return nil, err
			default:
				w.AddUnreadable(name, err)
			}
		}
	}
	return below, nil
}

// add adds the mailbox of a file, if it is an mbox.
func (w *walk) add(ctx context.Context, name string) error {
	size, err := w.look(name)
	if err != nil {
		return err
	}
	w.store.mu.Lock()
	f := w.store.files[name]
	if f == nil {
		f = &file{store: w.store, name: name}
		w.store.files[name] = f
	}
	w.store.mu.Unlock()
	takeout, err := w.isTakeout(name, size)
	if err != nil {
		return err
	}
	f.begin(w.Root, takeout)
	if takeout {
		if err := f.scan(ctx); err != nil { // its mailbox has no name yet
			return err
		}
		w.labels = append(w.labels, f.labelMailboxes()...)
	}
	box := w.Mailbox(name)
	if takeout {
		box.SpecialUse = []string{`\All`}
	}
	w.Folders = append(w.Folders, &folder{file: f, box: box})
	return nil
}

// addLabels adds the mailboxes of labels. If a file has the name of a label, the label is that
// mailbox.
func (w *walk) addLabels() {
	for _, label := range w.labels {
		if w.Take(label) {
			w.Folders = append(w.Folders, &labelFolder{box: label})
		}
	}
}

// levels returns the levels of the mailbox of a file or directory, as they are written.
func levels(file string) []string {
	list := strings.Split(strings.TrimSuffix(file, ".mbox"), "/")
	if n := len(list); n > 1 && list[n-1] == "mbox" && strings.HasSuffix(list[n-2], ".mbox") {
		list = list[:n-1]
	}
	for i, level := range list {
		list[i] = strings.TrimSuffix(strings.TrimSuffix(level, ".sbd"), ".mbox")
	}
	return list
}
