// Package emlsource reads a directory of .eml files for a backup: a disk.Store.
//
// Each directory with .eml files is a mailbox, and those below it are below it. A directory without
// them is an empty mailbox if it was archived, or has a flags.jsonl: so a mailbox that is emptied
// is not one that is gone. But there must be some message, because the directory may be that of a
// disk that is not mounted. What the eml target of a restore wrote is read as it was: package
// safename decodes the names, and flags.jsonl has flags and dates.
//
//	key            made of the name, the size and the time of a file, recorded as X-GUID
//	flags          in flags.jsonl; none without it
//	INTERNALDATE   in flags.jsonl; else the date of the first field Received, or of the field Date, or of the file
//
// Other programs write such files in place. So a file that is as it was listed for two seconds is
// read, and it must be the same in the end. A file that changes is a new message, because another
// may have taken its name.
package emlsource

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/backup/source/disk"
	"github.com/mailstrata/mailstrata/internal/mailfile"
	"github.com/mailstrata/mailstrata/internal/retry"
	"github.com/mailstrata/mailstrata/mail"
)

// Store is a directory of .eml files.
type Store struct {
	path     string
	archived map[string]bool // by raw name
}

var (
	_ disk.Store     = (*Store)(nil)
	_ disk.Continued = (*Store)(nil)
)

// New returns the .eml files below path. It reads nothing yet.
func New(path string) *Store { return &Store{path: path} }

// Kind implements disk.Store.
func (*Store) Kind() string { return "eml" }

// ByHash implements disk.Store.
func (*Store) ByHash() bool { return false }

// Continue implements disk.Continued.
func (s *Store) Continue(previous source.Previous) {
	s.archived = make(map[string]bool)
	for _, box := range previous.Mailboxes() {
		s.archived[box.Raw] = true
	}
}

// Folders implements disk.Store.
func (s *Store) Folders(ctx context.Context) ([]disk.Folder, []string, error) {
	w := &walk{Walk: disk.Walk{Path: s.path, Levels: levels}, archived: s.archived}
	w.Visit = w.visit
	if err := w.Run(ctx); err != nil {
		return nil, nil, err
	}
	if !slices.ContainsFunc(w.Folders, hasMail) {
		return nil, nil, w.None(".eml file")
	}
	return w.Folders, w.Notes, nil
}

// walk finds the folders.
type walk struct {
	disk.Walk
	archived map[string]bool
}

// hasMail reports whether a folder has messages, or may have some that cannot be read.
func hasMail(f disk.Folder) bool {
	read, ok := f.(*folder)
	return !ok || read.some
}

// visit adds the folder in a directory. It returns the directories in it, except for hidden ones.
func (w *walk) visit(_ context.Context, dir string, entries []fs.DirEntry) (below []fs.DirEntry, err error) {
	some := slices.ContainsFunc(entries, isMessage)
	if some || slices.ContainsFunc(entries, isFlags) || w.archived[w.Wanted(dir).Raw] {
		w.Folders = append(w.Folders, &folder{root: w.Root, dir: dir, box: w.Mailbox(dir), some: some})
	}
	for _, e := range entries {
		switch {
		case strings.HasPrefix(e.Name(), "."):
		case e.Type()&fs.ModeSymlink != 0 && !isMessage(e):
			w.NoteLink(path.Join(dir, e.Name()))
		case e.IsDir():
			below = append(below, e)
		}
	}
	return below, nil
}

func isFlags(e fs.DirEntry) bool { return e.Name() == flagsFile && e.Type().IsRegular() }

// levels returns the levels of the mailbox in a directory, as they are written.
func levels(dir string) []string {
	if dir == "." {
		return []string{"INBOX"}
	}
	return strings.Split(dir, "/")
}

// isMessage reports whether an entry is named as a message.
func isMessage(e fs.DirEntry) bool {
	return !e.IsDir() && !strings.HasPrefix(e.Name(), ".") && strings.EqualFold(path.Ext(e.Name()), ".eml")
}

// folder is a directory of .eml files.
type folder struct {
	root *os.Root
	dir  string
	box  mail.Mailbox
	some bool // it had a message when it was found
}

var _ disk.Folder = (*folder)(nil)

// Mailbox implements disk.Folder.
func (f *folder) Mailbox() mail.Mailbox { return f.box }

// Version implements disk.Folder. A new file changes the time of the directory; a file that is
// edited changes only its own.
func (f *folder) Version() (latest uint64) {
	take := func(info fs.FileInfo) { latest = max(latest, uint64(max(1, mailfile.Changed(info).UnixNano()))) }
	info, err := f.root.Stat(f.dir)
	if err != nil {
		return 0
	}
	take(info)
	if info, err := f.root.Lstat(path.Join(f.dir, flagsFile)); err == nil {
		take(info)
	}
	messages, err := f.messages()
	if err != nil {
		return 0
	}
	for _, e := range messages {
		info, err := e.Info()
		if err != nil {
			return 0
		}
		take(info)
	}
	return latest
}

// messages returns the entries of the messages.
func (f *folder) messages() ([]fs.DirEntry, error) {
	open, err := f.root.Open(f.dir)
	if err != nil {
		return nil, err
	}
	entries, err := open.ReadDir(-1)
	if err := errors.Join(err, open.Close()); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return !isMessage(e) }), nil
}

// keyOf returns the key of a file. A file that was written again is another message.
func keyOf(name string, info fs.FileInfo) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d\x00%d", name, info.Size(), info.ModTime().UnixNano()))
	return hex.EncodeToString(sum[:16])
}

// quiet is how old the time of a file must be, so that nobody is writing it.
const quiet = 2 * time.Second

// check waits until nobody is writing a file. It returns an error that wraps fs.ErrNotExist if the
// file is not as it was listed.
func (f *folder) check(ctx context.Context, message *disk.Message) error {
	for {
		info, err := f.root.Lstat(path.Join(f.dir, message.Name))
		if err != nil {
			return err
		}
		if keyOf(message.Name, info) != message.Key {
			return fmt.Errorf("%s changed after it was listed: %w", message.Name, fs.ErrNotExist)
		}
		age := time.Since(info.ModTime())
		if age < 0 || age >= quiet {
			return nil
		}
		if err := retry.Sleep(ctx, quiet-age); err != nil {
			return err
		}
	}
}

// flagsFile is the file that the eml target writes beside the messages.
const flagsFile = "flags.jsonl"

// line is a line of flags.jsonl.
type line struct {
	File     string   `json:"file"`
	UID      mail.UID `json:"uid"`
	Internal string   `json:"internaldate"`
	Flags    []string `json:"flags"`
}

// maxLine is the longest line of flags.jsonl, in bytes.
const maxLine = 1 << 20

// lines calls take with the lines of flags.jsonl. It skips lines that are something else.
func (f *folder) lines(take func(*line)) {
	open, _, err := mailfile.Open(f.root, path.Join(f.dir, flagsFile))
	if err != nil {
		return
	}
	defer open.Close()
	scanner := bufio.NewScanner(open)
	scanner.Buffer(nil, maxLine)
	for scanner.Scan() {
		var l line
		if json.Unmarshal(scanner.Bytes(), &l) == nil {
			take(&l)
		}
	}
}

// List implements disk.Folder.
func (f *folder) List(ctx context.Context) (*disk.Contents, error) {
	c := &disk.Contents{Version: f.Version()}
	messages, err := f.messages()
	if err := errors.Join(err, context.Cause(ctx)); err != nil {
		return nil, err
	}
	for _, e := range messages {
		switch info, err := e.Info(); {
		case err == nil:
			c.Messages = append(c.Messages, disk.Message{Key: keyOf(e.Name(), info), Name: e.Name()})
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
	}
	slices.SortFunc(c.Messages, func(a, b disk.Message) int { return strings.Compare(a.Name, b.Name) })
	f.lines(func(l *line) {
		at, ok := slices.BinarySearchFunc(c.Messages, l.File, func(m disk.Message, name string) int {
			return strings.Compare(m.Name, name)
		})
		if ok {
			c.Messages[at].Flags, c.Messages[at].UID = mail.NewFlags(l.Flags...), l.UID
			if date := mail.ParseDate(l.Internal); date.Raw == "" && l.Internal != "" {
				c.Messages[at].Date = date
			}
		}
	})
	return c, nil
}

// Describe implements disk.Folder.
func (f *folder) Describe(ctx context.Context, message *disk.Message) (mail.Message, error) {
	if err := f.check(ctx, message); err != nil {
		return mail.Message{}, err
	}
	size, form, _, err := mailfile.Describe(f.root, path.Join(f.dir, message.Name))
	if err != nil {
		return mail.Message{}, err
	}
	_, date, err := f.Facts(ctx, message)
	return mail.Message{Size: size, Internal: date, IDs: mail.IDs{XGUID: message.Key}, Form: form}, err
}

// Facts implements disk.Folder.
func (f *folder) Facts(_ context.Context, message *disk.Message) (int64, mail.Date, error) {
	open, info, err := mailfile.Open(f.root, path.Join(f.dir, message.Name))
	if err != nil {
		return -1, mail.Date{}, err
	}
	defer open.Close()
	if !message.Date.IsZero() {
		return -1, message.Date, nil
	}
	head := make([]byte, 64<<10)
	n, err := io.ReadFull(open, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return -1, mail.Date{}, err
	}
	if date, ok := mailfile.Arrived(head[:n]); ok {
		return -1, date, nil
	}
	return -1, mail.Date{Seconds: info.ModTime().Unix()}, nil
}

// Open implements disk.Folder.
func (f *folder) Open(ctx context.Context, message *disk.Message) (io.ReadCloser, error) {
	if err := f.check(ctx, message); err != nil {
		return nil, err
	}
	return mailfile.Read(f.root, path.Join(f.dir, message.Name))
}
