// Package eml restores an archived account to a directory of .eml files. Target is a restore.Target.
//
// An .eml file is the archived bytes of one message. Mail programs and the tools of a shell can open it. Each mailbox
// is a directory; those below it are its subdirectories:
//
//	INBOX/
//	Projects/2023/
//	    2023-10-01 0000 Bridge plans 42-6f1d21a904e3b0c2.eml
//	    flags.jsonl    a line of JSON for each message, with what is not in the file
//
// The name of a file has the INTERNALDATE of the message, the beginning of its subject, its UID in the archive, and the
// first 8 bytes of its hash, by which a later restore recognizes it. The modification time is the INTERNALDATE. Package
// safename encodes the levels of mailbox names; a level that is too long for a file system is cut and ends with %2D and
// a hash. A line of flags.jsonl:
//
//	{"file":"2023-10-01 0000 Bridge plans 42-6f1d21a904e3b0c2.eml","uid":42,"internaldate":" 1-Oct-2023 00:00:00 +0000","flags":["\\Seen"]}
//
// A second restore adds nothing, because a listing of the directory shows which messages it has.
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

// Target is a directory of .eml files. Restoring changes no existing file except flags.jsonl, to which it adds lines.
// Added files have their names when the Folder is closed, and are durable when the Target is closed.
type Target struct {
	path string

	mu  sync.Mutex
	top *tree.Tree // nil: not open yet
}

var (
	_ restore.Target    = (*Target)(nil)
	_ restore.Unordered = (*Target)(nil)
)

// New returns a Target for the directory at path. It does not access the disk.
func New(path string) *Target { return &Target{path: path} }

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

// openTree opens the directory. It makes the directory if it does not exist.
func (t *Target) openTree() (top *tree.Tree, err error) {
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
	top, err := t.openTree()
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

// style escapes levels that look like messages, and devices.
var style = safename.Style{Reserved: func(level string) bool {
	return level == flagsFile || strings.HasSuffix(level, suffix) || safename.IsDevice(level)
}}

// directory returns the directory of a mailbox, relative to the target.
func directory(m *mail.Mailbox) string {
	if m.IsInbox() {
		return "INBOX"
	}
	levels := m.Path()
	for i, level := range levels {
		levels[i] = safename.Shorten(style.Encode(level))
	}
	if len(levels) == 1 && strings.EqualFold(levels[0], "INBOX") { // after decoding; the raw name is another
		levels[0] = safename.Style{Reserved: func(string) bool { return true }}.Encode(levels[0])
	}
	return path.Join(levels...)
}
