// Package mboxrestore restores an archived account to mbox files. Target is a restore.Target.
//
// A path that ends in .mbox, and is no directory, is one file with the messages of all mailboxes.
// Any other path is a directory with a file for each mailbox:
//
//	INBOX.mbox
//	Projects.mbox
//	Projects/2023.mbox    the mailbox 2023 in Projects
//
// Package safename encodes the levels of mailbox names. Package mbox writes the files. They are
// written under other names and get their own when the restore is complete. A file that exists is
// an error: an mbox has no room for what a restore needs in order to continue.
package mboxrestore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/mailstrata/mailstrata/internal/lineend"
	"github.com/mailstrata/mailstrata/internal/local"
	"github.com/mailstrata/mailstrata/internal/safename"
	"github.com/mailstrata/mailstrata/internal/tree"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/mbox"
	"github.com/mailstrata/mailstrata/restore"
)

// suffix ends the name of an mbox file.
const suffix = ".mbox"

// Target is mbox files.
type Target struct {
	path   string
	single bool // one file for all mailboxes

	files map[string]*file // by path
	order []*file
}

var (
	_ restore.Target    = (*Target)(nil)
	_ restore.Committer = (*Target)(nil)
)

// New returns a Target for the path. It writes nothing.
func New(path string) *Target {
	info, err := os.Stat(path)
	single := strings.HasSuffix(path, suffix) && (err != nil || !info.IsDir())
	return &Target{path: path, single: single, files: make(map[string]*file)}
}

// Parallel implements restore.Target.
func (t *Target) Parallel() int {
	if t.single {
		return 1
	}
	return 4
}

// Prepare implements restore.Target. It begins the files.
func (t *Target) Prepare(ctx context.Context, mailboxes []mail.Mailbox) ([]restore.Place, []string, error) {
	names := make([]string, len(mailboxes))
	for i := range mailboxes {
		names[i] = fileName(&mailboxes[i])
	}
	if !t.single {
		if err := tree.CheckApart(t.path, mailboxes, names); err != nil {
			return nil, nil, err
		}
	}
	places := make([]restore.Place, len(mailboxes))
	for i := range mailboxes {
		box := &mailboxes[i]
		places[i] = restore.Place{Mailbox: box.Name, Name: t.path, Skip: !box.Selectable()}
		if !t.single {
			places[i].Name = filepath.Join(t.path, filepath.FromSlash(names[i]))
		}
		if places[i].Skip {
			continue
		}
		if err := errors.Join(ctx.Err(), t.begin(places[i].Name)); err != nil {
			return nil, nil, err
		}
	}
	return places, nil, nil
}

// begin begins a file, if it was not begun. Directories that are links are refused: through one,
// two mailboxes could share a file.
func (t *Target) begin(name string) error {
	if t.files[name] != nil {
		return nil
	}
	if !t.single {
		if err := t.makeDir(filepath.Dir(name)); err != nil {
			return err
		}
	}
	partial, err := local.NewPartial(name)
	if err != nil {
		return err
	}
	f := &file{partial: partial}
	t.files[name], t.order = f, append(t.order, f)
	return partial.Suspend()
}

func (t *Target) makeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return local.Fail("make", dir, err)
	}
	for at := dir; at != t.path && len(at) > len(t.path); at = filepath.Dir(at) {
		if info, err := os.Lstat(at); err != nil || !info.IsDir() {
			return errors.Join(err, fmt.Errorf("%s is a symbolic link, and mailstrata writes no mail through links",
				at))
		}
	}
	return nil
}

// Open implements restore.Target.
func (t *Target) Open(_ context.Context, place restore.Place) (restore.Folder, error) {
	f := t.files[place.Name]
	if f == nil {
		return nil, fmt.Errorf("%s was not prepared", place.Name)
	}
	return &folder{f}, f.open()
}

// Commit implements restore.Committer.
func (t *Target) Commit() error {
	for _, f := range t.order {
		if err := f.partial.Commit(); err != nil {
			return err
		}
	}
	return nil
}

// Close implements restore.Target. Without Commit, it removes the files.
func (t *Target) Close() error {
	for _, f := range t.order {
		f.partial.Discard()
	}
	return nil
}

// style escapes levels that look like files, and devices.
var style = safename.Style{UTF8: true, Reserved: func(level string) bool {
	return strings.HasSuffix(level, suffix) || strings.HasSuffix(level, local.PartialSuffix) || safename.IsDevice(level)
}}

// longest is the most bytes of a level, so that a file system accepts the name of its file while it
// is written.
const longest = 255 - len(suffix+local.PartialSuffix)

// fileName returns the file of a mailbox, relative to the directory.
func fileName(m *mail.Mailbox) string {
	if m.IsInbox() {
		return "INBOX" + suffix
	}
	levels := m.Path()
	for i, level := range levels {
		levels[i] = safename.ShortenTo(style.Encode(level), longest)
	}
	if len(levels) == 1 && strings.EqualFold(levels[0], "INBOX") { // after decoding; the raw name is another
		levels[0] = safename.EncodeReserved(levels[0])
	}
	return path.Join(levels...) + suffix
}

// file is an mbox that is being written. It is open while a folder is.
type file struct {
	mu      sync.Mutex
	users   int
	partial *local.Partial
	writer  *mbox.Writer
}

// open opens the file for one more folder.
func (f *file) open() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.users++; f.users > 1 {
		return nil
	}
	if err := f.partial.Resume(); err != nil {
		return err
	}
	f.writer = mbox.NewWriter(f.partial)
	return nil
}

// close ends the use by one folder.
func (f *file) close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.users--; f.users > 0 {
		return nil
	}
	return errors.Join(f.writer.Flush(), f.partial.Suspend())
}

// folder adds the messages of one mailbox.
type folder struct{ file *file }

// Missing implements restore.Folder.
func (*folder) Missing(_ context.Context, wanted []restore.Message) ([]int, error) {
	all := make([]int, len(wanted))
	for i := range all {
		all[i] = i
	}
	return all, nil
}

// BatchSize implements restore.Folder.
func (*folder) BatchSize() (int, int64) { return 1000, 64 << 20 }

// Append implements restore.Folder.
func (f *folder) Append(ctx context.Context, messages []restore.Message) ([]restore.AppendResult, error) {
	f.file.mu.Lock()
	defer f.file.mu.Unlock()
	var results []restore.AppendResult
	for i := range messages {
		result, err := f.add(ctx, &messages[i])
		if err != nil {
			return results, err
		}
		results = append(results, result)
	}
	return results, nil
}

// add writes one message. It is verified before the first byte of it is written, because it could
// not be taken back.
func (f *folder) add(ctx context.Context, m *restore.Message) (restore.AppendResult, error) {
	var lines lineend.Checker
	if err := m.Body.WriteTo(ctx, &lines); err != nil {
		if ctx.Err() != nil {
			return restore.AppendResult{}, ctx.Err()
		}
		return restore.AppendResult{Refused: err}, nil
	}
	out := mbox.Message{
		From: m.Form.FromLine, Fields: m.Form.Fields, Arrived: time.Unix(m.Internal.Seconds, 0), Flags: m.Flags, Own: m.Form.OwnStatus,
		LF: lines.Kind() == lineend.CRLF && m.Form.Lines != mail.LinesKept, Ends: m.Form.Ends,
	}
	kept, err := f.file.writer.Write(&out, func(w io.Writer) error { return m.Body.WriteTo(ctx, w) })
	if err != nil {
		return restore.AppendResult{}, err
	}
	result := restore.AppendResult{Added: true}
	for _, flag := range kept.Lost {
		result.FlagsLost = result.FlagsLost || strings.HasPrefix(flag, `\`)
		result.Changed = append(result.Changed, fmt.Sprintf("flag %q left out: an mbox cannot hold it", flag))
	}
	if kept.Terminated {
		result.Changed = append(result.Changed, "a line end was added after the last line")
	}
	if !m.Internal.IsReadable() {
		result.Changed = append(result.Changed,
			fmt.Sprintf("INTERNALDATE %q is not a date; the mbox has 1970-01-01", m.Internal.Raw))
	}
	return result, nil
}

// Close implements restore.Folder.
func (f *folder) Close() error { return f.file.close() }
