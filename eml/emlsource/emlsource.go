// Package emlsource reads a directory of .eml files for a backup: a disk.Store.
//
// Each directory with .eml files is a mailbox, and those below it are below it. What the eml target of a restore wrote is read
// as it was: package safename decodes the names, and flags.jsonl has flags and dates.
//
//	key            made of the name, the size and the time of a file, recorded as X-GUID
//	flags          in flags.jsonl; none without it
//	INTERNALDATE   in flags.jsonl; else the date of the first field Received, or of the field Date, or of the file
//
// Other programs write such files in place. So a file that is as it was listed for two seconds is read, and it must be the same
// in the end. A file that changes is a new message, because another may have taken its name.
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
	netmail "net/mail"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mailstrata/mailstrata/backup/source/disk"
	"github.com/mailstrata/mailstrata/internal/header"
	"github.com/mailstrata/mailstrata/internal/mailfile"
	"github.com/mailstrata/mailstrata/internal/safename"
	"github.com/mailstrata/mailstrata/mail"
)

// Store is a directory of .eml files.
type Store struct{ path string }

var _ disk.Store = (*Store)(nil)

// New returns the .eml files below path. It reads nothing yet.
func New(path string) *Store { return &Store{path} }

// Kind implements disk.Store.
func (*Store) Kind() string { return "eml" }

// ByHash implements disk.Store.
func (*Store) ByHash() bool { return false }

const (
	maxFolders = 100_000
	maxDepth   = 64
)

// Folders implements disk.Store.
func (s *Store) Folders(ctx context.Context) ([]disk.Folder, []string, error) {
	root, err := os.OpenRoot(s.path)
	if err != nil {
		return nil, nil, err
	}
	w := &walk{root: root, path: s.path, names: make(map[string]bool)}
	if err := w.walk(ctx, ".", 0); err != nil {
		return nil, nil, err
	}
	if len(w.folders) == 0 {
		return nil, w.notes, fmt.Errorf("%s has no .eml file", s.path)
	}
	return w.folders, w.notes, nil
}

// walk finds the folders.
type walk struct {
	root    *os.Root
	path    string
	folders []disk.Folder
	names   map[string]bool
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
	if slices.ContainsFunc(entries, isMessage) {
		w.add(dir)
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		switch {
		case strings.HasPrefix(e.Name(), "."):
		case e.Type()&fs.ModeSymlink != 0 && !isMessage(e):
			w.notes = append(w.notes, fmt.Sprintf("%s is a symbolic link, and is not followed", filepath.Join(w.path, name)))
		case !e.IsDir():
		case depth == maxDepth || len(w.folders) >= maxFolders:
			w.notes = append(w.notes, fmt.Sprintf("%s is left out: more than %d levels or %d directories", filepath.Join(w.path, name), maxDepth, maxFolders))
		default:
			if err := w.walk(ctx, name, depth+1); err != nil {
				if ctx.Err() != nil {
					return err
				}
				if !errors.Is(err, fs.ErrNotExist) {
					w.folders = append(w.folders, &disk.Unreadable{Box: w.mailbox(name), Err: err})
				}
			}
		}
	}
	return nil
}

// isMessage reports whether an entry is named as a message.
func isMessage(e fs.DirEntry) bool {
	return !e.IsDir() && !strings.HasPrefix(e.Name(), ".") && strings.EqualFold(path.Ext(e.Name()), ".eml")
}

// add adds the folder in a directory.
func (w *walk) add(dir string) {
	w.folders = append(w.folders, &folder{root: w.root, dir: dir, box: w.mailbox(dir)})
}

// mailbox returns the mailbox of a directory.
func (w *walk) mailbox(dir string) mail.Mailbox {
	levels := strings.Split(dir, "/")
	if dir == "." {
		levels = []string{"INBOX"}
	}
	for i, level := range levels {
		if decoded := safename.Decode(level); utf8.ValidString(decoded) && !strings.ContainsAny(decoded, "/\x00") {
			levels[i] = decoded
		}
	}
	plain := strings.Join(levels, "/")
	if strings.EqualFold(plain, "INBOX") {
		plain = "INBOX"
	}
	name := plain
	for n := 2; w.names[name]; n++ {
		name = fmt.Sprintf("%s~%d", plain, n)
	}
	w.names[name] = true
	box := mail.Mailbox{Raw: name, Name: name, Delimiter: "/"}
	if utf8.ValidString(name) {
		box.Raw = mail.EncodeName(name)
	}
	return box
}

// folder is a directory of .eml files.
type folder struct {
	root *os.Root
	dir  string
	box  mail.Mailbox
}

var _ disk.Folder = (*folder)(nil)

// Mailbox implements disk.Folder.
func (f *folder) Mailbox() mail.Mailbox { return f.box }

// Version implements disk.Folder. A new file changes the time of the directory; a file that is edited changes only its own.
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

// check waits until nobody is writing a file. It returns an error that wraps fs.ErrNotExist if the file is not as it was listed.
func (f *folder) check(ctx context.Context, item *disk.Item) error {
	for {
		info, err := f.root.Lstat(path.Join(f.dir, item.Name))
		if err != nil {
			return err
		}
		if keyOf(item.Name, info) != item.Key {
			return fmt.Errorf("%s changed after it was listed: %w", item.Name, fs.ErrNotExist)
		}
		age := time.Since(info.ModTime())
		if age < 0 || age >= quiet {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(quiet - age):
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

// lines yields the lines of flags.jsonl to take. Lines that are something else are skipped.
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
			c.Items = append(c.Items, disk.Item{Key: keyOf(e.Name(), info), Name: e.Name()})
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
	}
	slices.SortFunc(c.Items, func(a, b disk.Item) int { return strings.Compare(a.Name, b.Name) })
	f.lines(func(l *line) {
		at, ok := slices.BinarySearchFunc(c.Items, l.File, func(i disk.Item, name string) int { return strings.Compare(i.Name, name) })
		if ok {
			c.Items[at].Flags, c.Items[at].UID = mail.NewFlags(l.Flags...), l.UID
			if date := mail.ParseDate(l.Internal); date.Raw == "" && l.Internal != "" {
				c.Items[at].Date = date
			}
		}
	})
	return c, nil
}

// Describe implements disk.Folder.
func (f *folder) Describe(ctx context.Context, item *disk.Item) (mail.Message, error) {
	if err := f.check(ctx, item); err != nil {
		return mail.Message{}, err
	}
	size, form, _, err := mailfile.Describe(f.root, path.Join(f.dir, item.Name))
	if err != nil {
		return mail.Message{}, err
	}
	_, date, err := f.Facts(ctx, item)
	return mail.Message{Size: size, Internal: date, IDs: mail.IDs{XGUID: item.Key}, Form: form}, err
}

// Facts implements disk.Folder.
func (f *folder) Facts(_ context.Context, item *disk.Item) (int64, mail.Date, error) {
	open, info, err := mailfile.Open(f.root, path.Join(f.dir, item.Name))
	if err != nil {
		return -1, mail.Date{}, err
	}
	defer open.Close()
	if !item.Date.IsZero() {
		return -1, item.Date, nil
	}
	head := make([]byte, 64<<10)
	n, err := io.ReadFull(open, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return -1, mail.Date{}, err
	}
	if date, ok := headerDate(head[:n]); ok {
		return -1, date, nil
	}
	return -1, mail.Date{Seconds: info.ModTime().Unix()}, nil
}

// headerDate returns when a message arrived, by its header.
func headerDate(head []byte) (mail.Date, bool) {
	for _, end := range []string{"\r\n\r\n", "\n\n"} {
		if at := strings.Index(string(head), end); at >= 0 {
			head = head[:at+1]
		}
	}
	var texts []string
	if received := header.Text(head, "Received"); received != "" {
		texts = append(texts, received[strings.LastIndexByte(received, ';')+1:])
	}
	for _, text := range append(texts, header.Text(head, "Date")) {
		t, err := netmail.ParseDate(strings.TrimSpace(text))
		if err == nil && t.Year() >= 1970 && t.Before(time.Now().AddDate(1, 0, 0)) {
			_, offset := t.Zone()
			return mail.Date{Seconds: t.Unix(), Zone: int16(offset / 60)}, true
		}
	}
	return mail.Date{}, false
}

// Open implements disk.Folder.
func (f *folder) Open(ctx context.Context, item *disk.Item) (io.ReadCloser, error) {
	if err := f.check(ctx, item); err != nil {
		return nil, err
	}
	return mailfile.Read(f.root, path.Join(f.dir, item.Name))
}
