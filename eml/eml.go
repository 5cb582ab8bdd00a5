// Package eml restores an archived account to .eml files: Target writes them to a directory, and
// Archive to one ZIP or tar file that has the same files. Both are a restore.Target.
//
// An .eml file is the archived bytes of one message. Mail programs and the tools of a shell can
// open it. Each mailbox is a directory; those below it are its subdirectories:
//
//	INBOX/
//	Projects/2023/
//	    2023-10-01 0000 Bridge plans 42-6f1d21a904e3b0c2.eml
//	    flags.jsonl    a line of JSON for each message, with what is not in the file
//
// The name of a file has the INTERNALDATE of the message, the beginning of its subject, its UID in
// the archive, and the first 8 bytes of its hash, by which a later restore recognizes it. The
// modification time is the INTERNALDATE. Package safename encodes the levels of mailbox names; a
// level that is too long for a file system is cut and ends with %2D and a hash. The lines of
// flags.jsonl are in no order. One of them:
//
//	{"file":"2023-10-01 0000 Bridge plans 42-6f1d21a904e3b0c2.eml","uid":42,"internaldate":" 1-Oct-2023 00:00:00 +0000","flags":["\\Seen"]}
//
// A second restore to a directory adds nothing, because a listing of the directory shows which
// messages it has. A ZIP or tar file is written once, as a stream; a file that exists is an error.
// It begins with the directories, and flags.jsonl follows the messages of its mailbox.
package eml

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/mailstrata/mailstrata/internal/safename"
	"github.com/mailstrata/mailstrata/internal/tree"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

// Target is a directory of .eml files. Restoring changes no existing file except flags.jsonl, to
// which it adds lines. Added files have their names when the Folder is closed, and are durable when
// the Target is closed.
type Target struct{ tree.Lazy }

var (
	_ restore.Target    = (*Target)(nil)
	_ restore.Unordered = (*Target)(nil)
	_ restore.Previewer = (*Target)(nil)
)

// New returns a Target for the directory at path. It does not access the disk.
func New(path string) *Target { return &Target{tree.Lazy{Dir: path}} }

// Prepare implements restore.Target.
func (t *Target) Prepare(ctx context.Context, mailboxes []mail.Mailbox) ([]restore.Place, []string, error) {
	dirs := t.directories(mailboxes)
	places, err := t.Make(ctx, mailboxes, dirs, func(top *tree.Tree, i int) error { return top.Mkdir(dirs[i]) })
	var notes []string
	for i := range places {
		if box := &mailboxes[i]; dirs[i] != strings.Join(box.Path(), "/") && !box.IsInbox() {
			notes = append(notes, fmt.Sprintf("mailbox %q is in the directory %q", box.Name, dirs[i]))
		}
	}
	return places, notes, err
}

// Open implements restore.Target.
func (t *Target) Open(ctx context.Context, place restore.Place) (restore.Folder, error) {
	top, dir, err := t.At(place)
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

// Preview implements restore.Previewer.
func (t *Target) Preview(_ context.Context, mailboxes []mail.Mailbox) ([]restore.Place, error) {
	return t.Existing(mailboxes, t.directories(mailboxes), ".")
}

// OpenRead implements restore.Previewer.
func (t *Target) OpenRead(ctx context.Context, place restore.Place) (restore.ReadFolder, error) {
	root, err := os.OpenRoot(place.Name)
	if err != nil {
		return nil, tree.Explain(place.Name, err)
	}
	f := &folder{path: place.Name, root: root}
	if f.present, err = readPresent(ctx, root); err != nil {
		return nil, errors.Join(fmt.Errorf("read %s: %w", place.Name, err), root.Close())
	}
	return &readFolder{f}, nil
}

// style escapes levels that look like messages, and devices.
var style = safename.Style{UTF8: true, Reserved: func(level string) bool {
	return level == flagsFile || strings.HasSuffix(level, suffix) || safename.IsDevice(level)
}}

// directories returns the directories of mailboxes, relative to the target.
func directories(mailboxes []mail.Mailbox) []string {
	dirs := make([]string, len(mailboxes))
	for i := range mailboxes {
		dirs[i] = directory(&mailboxes[i], style)
	}
	return dirs
}

// directories is that for a directory that may exist. Earlier programs wrote names in modified
// UTF-7: a directory with such a name gets the messages, so that a second restore adds nothing.
func (t *Target) directories(mailboxes []mail.Mailbox) []string {
	dirs, earlier := directories(mailboxes), style
	earlier.UTF8 = false
	for i := range dirs {
		old := directory(&mailboxes[i], earlier)
		if old != dirs[i] && !exists(filepath.Join(t.Dir, dirs[i])) && exists(filepath.Join(t.Dir, old)) {
			dirs[i] = old
		}
	}
	return dirs
}

func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

// directory returns the directory of a mailbox, relative to the target.
func directory(m *mail.Mailbox, style safename.Style) string {
	if m.IsInbox() {
		return "INBOX"
	}
	levels := m.Path()
	for i, level := range levels {
		levels[i] = safename.Shorten(style.Encode(level))
	}
	if len(levels) == 1 && strings.EqualFold(levels[0], "INBOX") { // after decoding; the raw name is another
		levels[0] = safename.EncodeReserved(levels[0])
	}
	return path.Join(levels...)
}
