package maildirsource

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/mailstrata/mailstrata/backup/source/disk"
	"github.com/mailstrata/mailstrata/internal/safename"
	"github.com/mailstrata/mailstrata/mail"
)

// Store is a Maildir with its folders.
type Store struct{ path string }

var _ disk.Store = (*Store)(nil)

// New returns the Maildir at path. It reads nothing yet.
func New(path string) *Store { return &Store{path} }

// Kind implements disk.Store.
func (*Store) Kind() string { return "Maildir" }

// ByHash implements disk.Store.
func (*Store) ByHash() bool { return false }

const (
	maxFolders = 100_000
	maxDepth   = 32
)

// Folders implements disk.Store.
func (s *Store) Folders(ctx context.Context) ([]disk.Folder, []string, error) {
	root, err := os.OpenRoot(s.path)
	if err != nil {
		return nil, nil, err
	}
	w := &walk{root: root, path: s.path, names: make(map[string]bool), subscribed: subscribed(root)}
	if err := w.walk(ctx, ".", 0); err != nil {
		return nil, nil, err
	}
	if len(w.folders) == 0 {
		return nil, nil, fmt.Errorf("%s is not a Maildir, and no directory in it is: one has the directories cur and new", s.path)
	}
	return w.folders, w.notes, nil
}

// walk finds the folders of a Maildir.
type walk struct {
	root       *os.Root
	path       string
	folders    []disk.Folder
	names      map[string]bool
	subscribed map[string]bool
	notes      []string
}

// walk adds the folder in a directory, and those below it.
func (w *walk) walk(ctx context.Context, dir string, depth int) error {
	entries, err := readDir(w.root, dir)
	if err != nil {
		if dir == "." || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		if !errors.Is(err, fs.ErrNotExist) {
			w.folders = append(w.folders, &disk.Unreadable{Box: w.mailbox(dir), Err: err})
		}
		return nil
	}
	for _, e := range entries {
		if e.Name() == "cur" && e.IsDir() {
			w.add(dir)
		}
	}
	for _, e := range entries {
		name := e.Name()
		switch {
		case e.Type()&fs.ModeSymlink != 0:
			if info, err := w.root.Stat(path.Join(dir, name)); err != nil || info.IsDir() {
				w.notes = append(w.notes, fmt.Sprintf("%s is a symbolic link, and is not followed", path.Join(w.path, dir, name)))
			}
		case !e.IsDir(), name == "cur", name == "new", name == "tmp":
		case depth == maxDepth || len(w.folders) >= maxFolders:
			w.notes = append(w.notes, fmt.Sprintf("%s is left out: more than %d levels or %d folders", path.Join(w.path, dir, name), maxDepth, maxFolders))
		default:
			if err := w.walk(ctx, path.Join(dir, name), depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// add adds the folder in a directory.
func (w *walk) add(dir string) {
	w.folders = append(w.folders, &folder{root: w.root, path: w.path, dir: dir, box: w.mailbox(dir)})
}

// mailbox returns the mailbox of a directory.
func (w *walk) mailbox(dir string) mail.Mailbox {
	levels, plain := mailboxLevels(dir), strings.TrimPrefix(dir, ".")
	name := strings.Join(levels, "/")
	for n := 2; w.names[strings.ToLower(name)] && strings.EqualFold(name, "INBOX") || w.names[name]; n++ {
		if n == 2 {
			name = plain // two directories that decode to one name
		} else {
			name = fmt.Sprintf("%s~%d", plain, n)
		}
	}
	w.names[name] = true
	if strings.EqualFold(name, "INBOX") {
		w.names["inbox"] = true
	}
	box := mail.Mailbox{Raw: name, Name: name, Delimiter: "/", Subscribed: w.subscribed[plain]}
	if dir == "." {
		box.Subscribed = w.subscribed["INBOX"]
	}
	if utf8.ValidString(name) {
		box.Raw = mail.EncodeName(name)
	}
	return box
}

// mailboxLevels returns the levels of the mailbox in a directory.
func mailboxLevels(dir string) []string {
	if dir == "." {
		return []string{"INBOX"}
	}
	var levels []string
	for part := range strings.SplitSeq(dir, "/") {
		if trimmed, ok := strings.CutPrefix(part, "."); ok && trimmed != "" {
			levels = append(levels, strings.Split(trimmed, ".")...)
		} else {
			levels = append(levels, part)
		}
	}
	for i, level := range levels {
		decoded := safename.Decode(level)
		if strings.ContainsAny(decoded, "/\x00") || !utf8.ValidString(decoded) {
			continue // it stays one level, in its escaped form
		}
		levels[i] = decoded
	}
	return levels
}

// readDir lists a directory.
func readDir(root *os.Root, dir string) ([]fs.DirEntry, error) {
	open, err := root.Open(dir)
	if err != nil {
		return nil, err
	}
	defer open.Close()
	entries, err := open.ReadDir(-1)
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, err // sorted: which of two directories has a name must not change
}

// maxSmall is the largest size of a file of a mail server that is read, in bytes.
const maxSmall = 16 << 20

// readSmall returns a file that need not exist.
func readSmall(root *os.Root, name string) []byte {
	f, _, err := openRegular(root, name)
	if err != nil {
		return nil
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSmall))
	if err != nil {
		return nil
	}
	return text
}

// subscribed returns the directories of the subscribed mailboxes, without the first dot, from the file of Dovecot or Courier.
func subscribed(root *os.Root) map[string]bool {
	list := make(map[string]bool)
	text := string(readSmall(root, "subscriptions")) + "\n" + string(readSmall(root, "courierimapsubscribed"))
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		list[line] = true
		list[strings.TrimPrefix(line, "INBOX.")] = true
		list[strings.ReplaceAll(line, "\t", ".")] = true // "V 2" of Dovecot has tabs between levels
		list[strings.ReplaceAll(line, "\t", "/")] = true
	}
	return list
}
