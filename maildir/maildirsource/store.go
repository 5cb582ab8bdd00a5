package maildirsource

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/mailstrata/mailstrata/backup/source/disk"
	"github.com/mailstrata/mailstrata/internal/mailfile"
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

// Folders implements disk.Store.
func (s *Store) Folders(ctx context.Context) ([]disk.Folder, []string, error) {
	w := &walk{Walk: disk.Walk{Path: s.path, Levels: levels}}
	w.Visit = w.visit
	if err := w.Run(ctx); err != nil {
		return nil, nil, err
	}
	if len(w.Folders) == 0 {
		return nil, nil, fmt.Errorf("%s is not a Maildir, and no directory in it is: one has the directories cur and new", s.path)
	}
	return w.Folders, w.Notes, nil
}

// walk finds the folders of a Maildir.
type walk struct {
	disk.Walk
	subscribed map[string]bool
}

// visit adds the folder in a directory. It returns the directories that may be folders.
func (w *walk) visit(_ context.Context, dir string, entries []fs.DirEntry) (below []fs.DirEntry, err error) {
	if dir == "." {
		w.subscribed = subscribed(w.Root)
	}
	for _, e := range entries {
		name := e.Name()
		switch {
		case e.Type()&fs.ModeSymlink != 0:
			if info, err := w.Root.Stat(path.Join(dir, name)); err != nil || info.IsDir() {
				w.NoteLink(path.Join(dir, name))
			}
		case !e.IsDir(), name == "new", name == "tmp":
		case name == "cur":
			w.Folders = append(w.Folders, &folder{root: w.Root, dir: dir, box: w.mailbox(dir)})
		default:
			below = append(below, e)
		}
	}
	return below, nil
}

// mailbox returns the mailbox of a directory.
func (w *walk) mailbox(dir string) mail.Mailbox {
	box := w.Mailbox(dir)
	if box.Subscribed = w.subscribed[strings.TrimPrefix(dir, ".")]; dir == "." {
		box.Subscribed = w.subscribed["INBOX"]
	}
	return box
}

// levels returns the levels of the mailbox in a directory, as they are written.
func levels(dir string) (list []string) {
	if dir == "." {
		return []string{"INBOX"}
	}
	for part := range strings.SplitSeq(dir, "/") {
		if trimmed, ok := strings.CutPrefix(part, "."); ok && trimmed != "" {
			list = append(list, strings.Split(trimmed, ".")...)
		} else {
			list = append(list, part)
		}
	}
	return list
}

// maxSmall is the largest size of a file of a mail server that is read, in bytes.
const maxSmall = 16 << 20

// readSmall returns a file that need not exist.
func readSmall(root *os.Root, name string) []byte {
	f, _, err := mailfile.Open(root, name)
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

// subscribed returns the directories of the subscribed mailboxes, without the first dot, from the
// file of Dovecot or Courier.
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
