package mboxsource

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/mailstrata/mailstrata/backup/source/disk"
	"github.com/mailstrata/mailstrata/internal/mailfile"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/mbox"
)

// folder is the mailbox of an mbox.
type folder struct {
	file *file
	box  mail.Mailbox
}

var _ disk.Folder = (*folder)(nil)

// Mailbox implements disk.Folder.
func (f *folder) Mailbox() mail.Mailbox { return f.box }

// Version implements disk.Folder.
func (f *folder) Version() uint64 {
	version, _, err := statOf(f.file.rootDir(), f.file.name)
	if err != nil {
		return 0
	}
	return version
}

// Notes implements disk.Noted.
func (f *folder) Notes() []string { return f.file.notes() }

// List implements disk.Folder.
func (f *folder) List(ctx context.Context) (*disk.Contents, error) {
	if err := f.file.scan(ctx); err != nil {
		return nil, err
	}
	f.file.mu.Lock()
	defer f.file.mu.Unlock()
	c := &disk.Contents{Messages: f.file.messages, Version: f.file.version}
	if numbers := f.file.numbers; numbers != nil {
		c.Validity, c.Next = numbers.Validity, numbers.next()
	}
	return c, nil
}

// errChanged reports that a message is not where it was. It is looked for again.
var errChanged = fmt.Errorf("the mbox changed while it was read: %w", fs.ErrNotExist)

// Describe implements disk.Folder.
func (f *folder) Describe(_ context.Context, message *disk.Message) (mail.Message, error) {
	e, err := f.file.entryOf(message)
	if err != nil {
		return mail.Message{}, err
	}
	open, _, err := f.file.open()
	if err != nil {
		return mail.Message{}, err
	}
	defer open.Close()
	from, err := fromLine(open, e.Place)
	if err != nil {
		return mail.Message{}, err
	}
	form := mailfile.FormOf(e.kind, e.ends)
	if form.OwnStatus = e.own; len(e.cuts) > 0 {
		head, err := readHead(open, e.Place, e.variant)
		if err != nil {
			return mail.Message{}, err
		}
		form.Fields = mbox.ParseHead(head, from).Fields
	}
	if _, ok := mbox.ParseFromLine(from); ok && from != mbox.FromLine(time.Unix(e.date.Seconds, 0)) {
		form.FromLine = from
	}
	return mail.Message{Size: e.size, Internal: e.date, Form: form}, nil
}

// Facts implements disk.Folder.
func (f *folder) Facts(_ context.Context, message *disk.Message) (int64, mail.Date, error) {
	e, err := f.file.entryOf(message)
	return e.size, e.date, err
}

// Open implements disk.Folder. The text must have the hash that it had when the file was scanned.
func (f *folder) Open(_ context.Context, message *disk.Message) (io.ReadCloser, error) {
	e, err := f.file.entryOf(message)
	if err != nil {
		return nil, err
	}
	if e.size > mail.MaxMessage {
		return nil, fmt.Errorf("a message of %d bytes; a message has at most %d", e.size, int64(mail.MaxMessage))
	}
	open, _, err := f.file.open()
	if err != nil {
		return nil, err
	}
	r := &verified{Reader: e.archived(open), Closer: open, key: message.Key, file: f.file}
	r.sum = f.file.store.hasher()
	return r, nil
}
