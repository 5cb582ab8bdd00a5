package mboxsource

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/mailstrata/mailstrata/backup/source/disk"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/local"
	"github.com/mailstrata/mailstrata/internal/mailfile"
	"github.com/mailstrata/mailstrata/internal/safename"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/mbox"
)

// Store is one mbox, or a directory of them.
type Store struct {
	path    string
	variant *mbox.Variant // nil: found

	mu     sync.Mutex
	hasher func() *chunk.Hasher
	files  map[string]*file // by path
}

var (
	_ disk.Store  = (*Store)(nil)
	_ disk.Hashed = (*Store)(nil)
)

// New returns the mbox files at path. If variant is nil, it is found. New reads nothing yet.
func New(path string, variant *mbox.Variant) *Store {
	return &Store{path: path, variant: variant, files: make(map[string]*file)}
}

// Kind implements disk.Store.
func (*Store) Kind() string { return "mbox" }

// ByHash implements disk.Store.
func (*Store) ByHash() bool { return true }

// SetHasher implements disk.Hashed.
func (s *Store) SetHasher(hasher func() *chunk.Hasher) { s.hasher = hasher }

const (
	maxFiles = 100_000
	maxDepth = 32
)

// Folders implements disk.Store.
func (s *Store) Folders(ctx context.Context) ([]disk.Folder, []string, error) {
	info, err := os.Stat(s.path)
	if err != nil {
		return nil, nil, err
	}
	w := &walk{store: s, names: make(map[string]bool)}
	if info.IsDir() {
		if w.root, err = os.OpenRoot(s.path); err != nil {
			return nil, nil, err
		}
		if err := w.walk(ctx, ".", 0); err != nil {
			return nil, nil, err
		}
	} else {
		if w.root, err = os.OpenRoot(filepath.Dir(s.path)); err != nil {
			return nil, nil, err
		}
		if err := w.add(ctx, filepath.Base(s.path)); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", s.path, err)
		}
	}
	w.addLabels()
	if len(w.folders) == 0 {
		return nil, w.notes, fmt.Errorf("%s has no mbox: no file in it begins with a From line", s.path)
	}
	return w.folders, w.notes, nil
}

// walk finds the files of a directory.
type walk struct {
	store   *Store
	root    *os.Root
	folders []disk.Folder
	labels  []mail.Mailbox  // of Takeout's files
	names   map[string]bool // raw names, and decoded ones after "\x00"
	notes   []string
}

func (w *walk) walk(ctx context.Context, dir string, depth int) error {
	open, err := w.root.Open(dir)
	if err != nil {
		return err
	}
	entries, err := open.ReadDir(-1)
	if err := errors.Join(err, open.Close(), ctx.Err()); err != nil {
		return err
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		switch {
		case strings.HasPrefix(e.Name(), "."):
		case e.Type()&fs.ModeSymlink != 0:
			w.notes = append(w.notes, fmt.Sprintf("%s is a symbolic link, and is not followed", filepath.Join(w.store.path, name)))
		case e.IsDir() && (depth == maxDepth || len(w.folders) >= maxFiles):
			w.notes = append(w.notes, fmt.Sprintf("%s is left out: more than %d levels or %d files", filepath.Join(w.store.path, name), maxDepth, maxFiles))
		case e.IsDir():
			if err := w.walk(ctx, name, depth+1); err != nil {
				if ctx.Err() != nil {
					return err
				}
				w.unreadable(name, err)
			}
		case e.Type().IsRegular() && strings.HasSuffix(name, local.PartialSuffix):
		case e.Type().IsRegular():
			if err := w.add(ctx, name); err != nil && !errors.Is(err, mbox.ErrNotMbox) {
				if ctx.Err() != nil {
					return err
				}
				w.unreadable(name, err)
			}
		}
	}
	return nil
}

// add adds the mailbox of a file, if it is an mbox.
func (w *walk) add(ctx context.Context, name string) error {
	open, info, err := mailfile.Open(w.root, name)
	if err != nil {
		return err
	}
	beginning := make([]byte, maxFromLine)
	n, err := open.ReadAt(beginning, 0)
	if err = errors.Join(ignoreEOF(err), open.Close()); err != nil {
		return err
	}
	first, _, _ := strings.Cut(string(beginning[:n]), "\n")
	if _, ok := mbox.ParseFromLine(first); !ok && (n > 0 || !strings.HasSuffix(name, ".mbox")) {
		if strings.HasPrefix(first, "From ") {
			w.notes = append(w.notes, fmt.Sprintf("%s is no mbox: its first line has no date", filepath.Join(w.store.path, name)))
		}
		return mbox.ErrNotMbox
	}
	w.store.mu.Lock()
	f := w.store.files[name]
	if f == nil {
		f = &file{store: w.store, name: name}
		w.store.files[name] = f
	}
	w.store.mu.Unlock()
	takeout, err := w.isTakeout(name, info.Size())
	if err != nil {
		return err
	}
	f.begin(w.root, takeout)
	box := w.mailbox(name)
	if !takeout {
		w.folders = append(w.folders, &folder{file: f, box: box})
		return nil
	}
	if err := f.scan(ctx); err != nil {
		return err
	}
	box.SpecialUse = []string{`\All`}
	w.folders = append(w.folders, &folder{file: f, box: box})
	w.labels = append(w.labels, f.labelMailboxes()...)
	return nil
}

// addLabels adds the mailboxes of labels. If a file has the name of a label, the label is that mailbox.
func (w *walk) addLabels() {
	for _, label := range w.labels {
		if w.free(label) {
			w.folders = append(w.folders, &labelFolder{box: label})
		}
	}
}

// free takes the name of a mailbox, unless another has its raw or its decoded name.
func (w *walk) free(box mail.Mailbox) bool {
	if w.names[box.Raw] || w.names["\x00"+box.Name] {
		return false
	}
	w.names[box.Raw], w.names["\x00"+box.Name] = true, true
	return true
}

// maxFromLine is the longest From line at the beginning of a file, in bytes.
const maxFromLine = 1024

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// unreadable adds the mailbox of a file or directory that is there and cannot be read.
func (w *walk) unreadable(name string, err error) {
	if !errors.Is(err, fs.ErrNotExist) {
		w.folders = append(w.folders, &disk.Unreadable{Box: w.mailbox(name), Err: err})
	}
}

// mailbox returns the mailbox of a file.
func (w *walk) mailbox(file string) mail.Mailbox {
	levels := strings.Split(strings.TrimSuffix(file, ".mbox"), "/")
	if n := len(levels); n > 1 && levels[n-1] == "mbox" && strings.HasSuffix(levels[n-2], ".mbox") {
		levels = levels[:n-1]
	}
	for i, level := range levels {
		level = strings.TrimSuffix(strings.TrimSuffix(level, ".sbd"), ".mbox")
		if decoded := safename.Decode(level); utf8.ValidString(decoded) && !strings.ContainsAny(decoded, "/\x00") {
			level = decoded
		}
		levels[i] = level
	}
	plain := strings.Join(levels, "/")
	if strings.EqualFold(plain, "INBOX") {
		plain = "INBOX"
	}
	box := named(plain)
	for n := 2; !w.free(box); n++ {
		box = named(fmt.Sprintf("%s~%d", plain, n))
	}
	return box
}

func named(name string) mail.Mailbox {
	box := mail.Mailbox{Raw: name, Name: name, Delimiter: "/"}
	if utf8.ValidString(name) {
		box.Raw = mail.EncodeName(name)
	}
	return box
}
