package mboxsource

import (
	"context"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/mailstrata/mailstrata/backup/source/disk"
	"github.com/mailstrata/mailstrata/internal/header"
	"github.com/mailstrata/mailstrata/internal/lineend"
	"github.com/mailstrata/mailstrata/internal/mailfile"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/mbox"
)

// file is an mbox.
type file struct {
	store *Store
	name  string

	mu       sync.Mutex
	root     *os.Root
	variant  mbox.Variant // of the file when it was scanned
	takeout  bool
	clipped  bool // a message had too many flags or labels
	doubts   mbox.Doubts
	version  uint64    // of entries; 0: not scanned
	numbers  *metadata // of imap-backup; nil: none
	unfit    error     // why an .imap file was not used
	rest     int64     // bytes that are in no message of numbers
	entries  []entry
	messages []disk.Message
}

// entry is what is known of a message.
type entry struct {
	mbox.Place
	size    int64 // as archived
	date    mail.Date
	kind    lineend.Kind
	ends    string // lineend.Checker.Ends
	variant mbox.Variant
	own     bool
	cuts    []mbox.Span // fields of mail programs that are left out of the text
}

// begin prepares the file for another survey.
func (f *file) begin(root *os.Root, takeout bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.root = root; f.takeout != takeout {
		f.takeout, f.version = takeout, 0
	}
}

// rootDir returns the directory of the newest survey.
func (f *file) rootDir() *os.Root {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.root
}

func (f *file) open() (*os.File, fs.FileInfo, error) { return mailfile.Open(f.rootDir(), f.name) }

func (f *file) findVariant(ctx context.Context, open *os.File, size int64) (mbox.Variant, error) {
	if f.store.variant != nil {
		return *f.store.variant, nil
	}
	return mbox.FindVariant(ctx, open, size)
}

// read reads a message: its flags, its hash and its line ends. numbers are those of imap-backup, or
// nil.
func (f *file) read(open io.ReaderAt, p mbox.Place, numbers *numbersOf) (entry, disk.Message, error) {
	e := entry{Place: p, variant: f.variant}
	from, err := fromLine(open, p)
	if err != nil {
		return e, disk.Message{}, err
	}
	head, err := readHead(open, p, f.variant)
	if err != nil {
		return e, disk.Message{}, err
	}
	if arrived, ok := mbox.ParseFromLine(from); ok {
		e.date.Seconds = arrived.Unix()
	} else { // Thunderbird's has no date
		e.date, _ = mailfile.Arrived(head)
	}
	parsed := mbox.ParseHead(head, from)
	e.own, e.cuts = parsed.Own, parsed.Cuts
	message, clipped := disk.Message{Flags: parsed.Flags}, parsed.Clipped
	if labels, ok := gmailLabels(head); ok && f.takeout {
		message.Flags, e.own, e.cuts = labels.flags(), true, nil
		message.Labels, clipped = labels.labels()
	}
	if numbers != nil {
		if err = f.readAsWritten(open, &e, head); err != nil {
			return e, disk.Message{}, err
		}
		message.Flags, clipped = numbers.flags()
		message.UID = numbers.UID
	}
	f.clipped = f.clipped || clipped
	var lines lineend.Checker
	if _, err := io.Copy(&lines, e.text(open)); err != nil {
		return e, disk.Message{}, err
	}
	e.kind, e.ends, e.size = lines.Kind(), lines.Ends(), lines.WireSize()
	h := f.store.hasher()
	if _, err := io.Copy(h, e.archived(open)); err != nil {
		return e, disk.Message{}, err
	}
	id := h.Sum()
	message.Key = string(id[:])
	return e, message, nil
}

// readAsWritten prepares the entry of a message that imap-backup wrote: it is as it was on the
// server, and its flags are elsewhere. Its From line has no zone.
func (f *file) readAsWritten(open io.ReaderAt, e *entry, head []byte) error {
	e.own, e.cuts = false, nil
	if f.numbers.Version == 3 || isQuotedAnywhere(head) {
		e.variant = mbox.Any
		var err error
		if head, err = readHead(open, e.Place, e.variant); err != nil {
			return err
		}
	}
	if date, ok := mailfile.Arrived(head); ok {
		e.date = date
	}
	return nil
}

// maxFrom is the longest From line.
const maxFrom = 1 << 10

func fromLine(open io.ReaderAt, p mbox.Place) (string, error) {
	b := make([]byte, min(p.Start-p.From, maxFrom))
	if _, err := open.ReadAt(b, p.From); err != nil {
		return "", err
	}
	return strings.TrimSuffix(string(b), "\n"), nil
}

// readHead returns the header of a message without its empty line, or nil if it is too long.
func readHead(open io.ReaderAt, p mbox.Place, variant mbox.Variant) ([]byte, error) {
	r := mbox.NewUnquoter(io.NewSectionReader(open, p.Start, p.End-p.Start), variant)
	var head []byte
	for size := 4 << 10; ; size *= 4 {
		more := make([]byte, size-len(head))
		n, err := io.ReadFull(r, more)
		head = append(head, more[:n]...)
		if end := header.End(head); end >= 0 {
			return head[:end], nil
		}
		switch {
		case err == io.EOF || err == io.ErrUnexpectedEOF:
			return head, nil
		case err != nil:
			return nil, err
		case size > mail.MaxHeader:
			return nil, nil
		}
	}
}

// text returns a reader of a message without quotes and without the fields that belong to the mbox.
func (e *entry) text(open io.ReaderAt) io.Reader {
	r := mbox.NewUnquoter(io.NewSectionReader(open, e.Start, e.End-e.Start), e.variant)
	for _, cut := range slices.Backward(e.cuts) { // the last cut is made first, so that the places of the others are right
		r = &cutter{r: r, from: int64(cut.From), to: int64(cut.To)}
	}
	return r
}

// archived returns a reader of a message as it is archived.
func (e *entry) archived(open io.ReaderAt) io.Reader {
	if e.kind == lineend.LF || e.ends != "" {
		return lineend.NewCRLFReader(e.text(open))
	}
	return e.text(open)
}

// cutter leaves out a range of what it reads.
type cutter struct {
	r            io.Reader
	at, from, to int64
}

func (c *cutter) Read(p []byte) (int, error) {
	if c.at == c.from {
		if _, err := io.CopyN(io.Discard, c.r, c.to-c.from); err != nil {
			return 0, err
		}
		c.at = c.to
	}
	if c.at < c.from {
		p = p[:min(int64(len(p)), c.from-c.at)]
	}
	n, err := c.r.Read(p)
	c.at += int64(n)
	return n, err
}

// forget drops what is known of the file, so that it is read again.
func (f *file) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.version, f.entries, f.messages = 0, nil, nil
}

// entryOf returns what is known of a message.
func (f *file) entryOf(message *disk.Message) (entry, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if message.At >= len(f.entries) || f.messages[message.At].Key != message.Key {
		return entry{}, errChanged
	}
	return f.entries[message.At], nil
}
