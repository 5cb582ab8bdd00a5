package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/mailstrata/mailstrata/internal/safename"
	"github.com/mailstrata/mailstrata/mail"
)

// Walk finds the folders in a directory and below it, for a Store. What cannot be read becomes
// Unreadable. Links are not followed.
type Walk struct {
	Path string   // the directory, for people
	Root *os.Root // the same, opened by Run

	// Levels returns the levels of the mailbox in a directory or file below Root, as its name has
	// them: with the escapes of package safename.
	Levels func(name string) []string

	// Visit adds the folders of a directory, and returns the entries to walk. The entries are
	// ascending by name.
	Visit func(ctx context.Context, dir string, entries []fs.DirEntry) (below []fs.DirEntry, err error)

	Folders []Folder
	Notes   []string

	Moved bool            // a file or directory was listed and then gone
	names map[string]bool // raw names, and decoded ones after "\x00"
}

const (
	maxFolders = 100_000
	maxDepth   = 64
)

// maxWalks is how often the directory is walked while what is in it is renamed.
const maxWalks = 3

// Run opens the directory and walks it. What is renamed meanwhile may be missing under both names,
// so it walks again.
func (w *Walk) Run(ctx context.Context) (err error) {
	if w.Root, err = os.OpenRoot(w.Path); err != nil {
		return err
	}
	for range maxWalks {
		w.Folders, w.Notes, w.names, w.Moved = nil, nil, nil, false
		if err := w.walk(ctx, ".", 0); err != nil || !w.Moved {
			return err
		}
	}
	return nil
}

// walk visits a directory, and walks those below it.
func (w *Walk) walk(ctx context.Context, dir string, depth int) error {
	entries, err := readDir(w.Root, dir)
	var below []fs.DirEntry
	if err = errors.Join(err, context.Cause(ctx)); err == nil {
		below, err = w.Visit(ctx, dir, entries)
	}
	if slices.ContainsFunc(entries, isAppleMail) {
		w.Note(dir, "has .emlx files, in which Apple Mail keeps messages: they are not read; export the mailbox from Apple Mail")
	}
	switch {
	case err == nil:
	case dir == "." || ctx.Err() != nil:
		return err
	case errors.Is(err, fs.ErrNotExist):
		w.Moved = true
	default:
		w.AddUnreadable(dir, err)
	}
	for _, e := range below {
		switch name := path.Join(dir, e.Name()); {
		case e.Name() == lostAndFound:
		case depth == maxDepth || len(w.Folders) >= maxFolders:
			w.Note(name, fmt.Sprintf("is left out: more than %d levels or %d mailboxes", maxDepth, maxFolders))
		default:
			if err := w.walk(ctx, name, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

func isAppleMail(e fs.DirEntry) bool { return path.Ext(e.Name()) == ".emlx" }

// None returns the error that there is no mail, and why. The first note may be the reason.
func (w *Walk) None(why string) error {
	if len(w.Notes) > 0 {
		why += "; " + w.Notes[0]
	}
	return fmt.Errorf("%s has no %s", w.Path, why)
}

// lostAndFound is a directory of file systems. Only root can read it.
const lostAndFound = "lost+found"

// readDir returns the entries of a directory, sorted: which of two files has the name of a mailbox
// must not change.
func readDir(root *os.Root, dir string) ([]fs.DirEntry, error) {
	open, err := root.Open(dir)
	if err != nil {
		return nil, err
	}
	entries, err := open.ReadDir(-1)
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, errors.Join(err, open.Close())
}

// Note adds a note about a file or directory.
func (w *Walk) Note(name, text string) {
	w.Notes = append(w.Notes, filepath.Join(w.Path, name)+" "+text)
}

// NoteLink adds the note that a link is not followed.
func (w *Walk) NoteLink(name string) { w.Note(name, "is a symbolic link, and is not followed") }

// AddUnreadable adds the mailbox of a file or directory that cannot be read, and those that are
// archived below it.
func (w *Walk) AddUnreadable(name string, err error) {
	cause := err
	if pathErr := (*fs.PathError)(nil); errors.As(err, &pathErr) {
		cause = pathErr.Err
	}
	w.Folders = append(w.Folders, &Unreadable{
		Box: w.Mailbox(name), Above: named(w.plain(name)).Raw, Err: fmt.Errorf("%s: %w", filepath.Join(w.Path, name), cause),
	})
}

// Mailbox returns the mailbox of a directory or file. If another has its name, it gets one like
// "name~2".
func (w *Walk) Mailbox(name string) mail.Mailbox {
	box := w.Wanted(name)
	for n, plain := 2, box.Name; !w.Take(box); n++ {
		box = named(fmt.Sprintf("%s~%d", plain, n))
	}
	return box
}

// Wanted returns the mailbox of a directory or file, if no other has its name.
func (w *Walk) Wanted(name string) mail.Mailbox {
	plain := w.plain(name)
	if strings.EqualFold(plain, "INBOX") {
		plain = "INBOX"
	}
	return named(plain)
}

// plain returns the decoded name of the mailbox in a directory or file. A level that would become
// several stays escaped.
func (w *Walk) plain(name string) string {
	levels := w.Levels(name)
	for i, level := range levels {
		if decoded := safename.Decode(level); utf8.ValidString(decoded) && !strings.ContainsAny(decoded, "/\x00") {
			levels[i] = decoded
		}
	}
	return strings.Join(levels, "/")
}

// Take takes the name of a mailbox. It reports false if another has its raw or its decoded name.
func (w *Walk) Take(box mail.Mailbox) bool {
	if w.names == nil {
		w.names = make(map[string]bool)
	}
	if w.names[box.Raw] || w.names["\x00"+box.Name] {
		return false
	}
	w.names[box.Raw], w.names["\x00"+box.Name] = true, true
	return true
}

// named returns a mailbox with a name, which need not be UTF-8.
func named(name string) mail.Mailbox {
	box := mail.Mailbox{Raw: name, Name: name, Delimiter: "/"}
	if utf8.ValidString(name) {
		box.Raw = mail.EncodeName(name)
	}
	return box
}
