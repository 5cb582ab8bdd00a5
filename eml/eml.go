// Package eml writes an archived account into a directory of .eml files, as a restore.Target.
//
// Such a file is a message and nothing else, byte for byte as it was archived; mail programs and the tools of a shell
// open it. Each mailbox is a directory, in those of the levels above it:
//
//	INBOX/
//	Projects/2023/
//	    2023-10-01 0000 Bridge plans 42-6f1d21a904e3b0c2.eml
//	    flags.jsonl    what a file cannot hold: a line of JSON for each message
//
// A file's name has the message's INTERNALDATE, the beginning of its subject, its UID in the archive, and the first 8 bytes
// of its hash, by which it is known again.
//
// The time of a file is its INTERNALDATE. Levels of names are written as package safename says, and Decode reads them back;
// one too long for a file system is cut, and ends in %2D and a hash. A line of flags.jsonl:
//
//	{"file":"2023-10-01 0000 Bridge plans 42-6f1d21a904e3b0c2.eml","uid":42,"internaldate":" 1-Oct-2023 00:00:00 +0000","flags":["\\Seen"]}
//
// A second restore adds nothing: what a directory holds is read from its listing.
package eml

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"sync"

	"github.com/mailstrata/mailstrata/internal/safename"
	"github.com/mailstrata/mailstrata/internal/tree"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

// Target is a directory that is restored into. Files that are there are never changed, but for flags.jsonl, which is
// added to. What was added has its name when its Folder is closed, and is durable when the Target is.
type Target struct {
	path string

	mu  sync.Mutex
	top *tree.Tree // nil: not open yet
}

var (
	_ restore.Target    = (*Target)(nil)
	_ restore.Unordered = (*Target)(nil)
)

// New prepares to write to the directory at path. Nothing is made or looked at yet.
func New(path string) *Target { return &Target{path: path} }

// Parallel is how many directories are worth adding to at once.
func (t *Target) Parallel() int { return 4 }

// Unordered: the order of messages is in the names of their files.
func (t *Target) Unordered() bool { return true }

// Close ends the use of the directory.
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

// open opens the directory, which it makes where there is none.
func (t *Target) open() (top *tree.Tree, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.top == nil {
		t.top, err = tree.Open(t.path)
	}
	return t.top, err
}

// Prepare implements restore.Target.
func (t *Target) Prepare(ctx context.Context, mailboxes []mail.Mailbox) ([]restore.Place, []string, error) {
	dirs := make([]string, len(mailboxes))
	for i := range mailboxes {
		dirs[i] = directory(&mailboxes[i])
	}
	if err := tree.CheckApart(t.path, mailboxes, dirs); err != nil {
		return nil, nil, err
	}
	top, err := t.open()
	if err != nil {
		return nil, nil, err
	}
	var notes []string
	places := make([]restore.Place, len(mailboxes))
	for i := range mailboxes {
		box := &mailboxes[i]
		if err := errors.Join(ctx.Err(), top.Mkdir(dirs[i])); err != nil {
			return nil, notes, err
		}
		places[i] = restore.Place{Mailbox: box.Name, Name: top.Path(dirs[i]), Skip: !box.Selectable()}
		if dirs[i] != strings.Join(box.Path(), "/") && !box.IsInbox() {
			notes = append(notes, fmt.Sprintf("mailbox %q is in the directory %q", box.Name, dirs[i]))
		}
	}
	return places, notes, top.Sync()
}

// Open opens the directory of a mailbox that was prepared.
func (t *Target) Open(ctx context.Context, place restore.Place) (restore.Folder, error) {
	top, err := t.open()
	if err != nil {
		return nil, err
	}
	dir, err := top.Rel(place.Name)
	if err != nil {
		return nil, err
	}
	files, root, err := top.Files(dir, ".", ".")
	if err != nil {
		return nil, err
	}
	f := &folder{path: place.Name, root: root, files: files}
	if f.present, err = readPresent(ctx, root); err != nil {
		return nil, errors.Join(fmt.Errorf("read %s: %w", place.Name, err), files.Close())
	}
	return f, nil
}

// style escapes what would be taken for a message, or for a device.
var style = safename.Style{Reserved: func(level string) bool {
	return level == flagsFile || strings.HasSuffix(level, suffix) || safename.IsDevice(level)
}}

// directory is where a mailbox goes, relative to the target.
func directory(m *mail.Mailbox) string {
	if m.IsInbox() {
		return "INBOX"
	}
	levels := m.Path()
	for i, level := range levels {
		levels[i] = safename.Shorten(style.Encode(level))
	}
	if len(levels) == 1 && strings.EqualFold(levels[0], "INBOX") { // a name that only decoding made so
		levels[0] = safename.Style{Reserved: func(string) bool { return true }}.Encode(levels[0])
	}
	return path.Join(levels...)
}

// Decode gives the levels of the name of the mailbox in a directory of the target.
func Decode(dir string) []string {
	levels := strings.Split(dir, "/")
	for i, level := range levels {
		levels[i] = safename.Decode(level)
	}
	return levels
}
