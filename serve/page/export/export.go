// Package export writes messages of an archive into one file, as a stream: an mbox, or a ZIP file
// of .eml files.
//
//	messages ──► read one: whole and checked ──► Mbox | ZIP ──► the download
//
// A message is checked before its first byte is written. One that is damaged is left out, and the
// file says so in its place: an mbox by a message, a ZIP file by a text file. Messages of more than
// a MiB are read twice instead of being held.
package export

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"path"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/eml"
	"github.com/mailstrata/mailstrata/internal/lineend"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/internal/zipstream"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/mbox"
)

// Message is a message to be written.
type Message struct {
	Contents *archive.Contents
	Record   *manifest.Record // nil: it cannot be read
	UID      mail.UID
	Internal mail.Date
	Flags    mail.Flags
	Folder   string // directory of the file in a ZIP file; may be empty
}

// Messages are messages, with errors of damage between them. Any other error is the last.
type Messages = iter.Seq2[Message, error]

// held is the size of the largest message that is held in memory.
const held = 1 << 20

// body is a message that was checked.
type body struct {
	Message
	text  []byte // nil: too large to be held
	head  []byte
	lines lineend.Kind
}

// open reads a message, so that it can be written without an error of damage.
func open(ctx context.Context, m Message) (*body, error) {
	b := &body{Message: m}
	whole := m.Contents.Body(m.Record)
	if m.Record.Size <= held {
		var text bytes.Buffer
		text.Grow(int(m.Record.Size))
		if err := whole.WriteTo(ctx, &text); err != nil {
			return nil, err
		}
		b.text, b.lines = text.Bytes(), lineend.Of(text.Bytes())
	} else {
		var check lineend.Checker
		if err := whole.WriteTo(ctx, &check); err != nil {
			return nil, err
		}
		b.lines = check.Kind()
	}
	var err error
	b.head, err = m.Contents.HeaderFields(ctx, m.Record)
	return b, err
}

// writeTo writes the message.
func (b *body) writeTo(ctx context.Context, w io.Writer) error {
	if b.text != nil {
		_, err := w.Write(b.text)
		return err
	}
	return b.Contents.Body(b.Record).WriteTo(ctx, w)
}

// writer writes messages, and sentences about those that are missing.
type writer interface {
	add(ctx context.Context, b *body) error
	missing(n int, text string) error
}

// write writes all messages.
func write(ctx context.Context, messages Messages, to writer) error {
	n := 0
	for m, err := range messages {
		var b *body
		if err == nil {
			b, err = open(ctx, m)
		}
		if err == nil {
			if err := to.add(ctx, b); err != nil {
				return err
			}
			continue
		}
		if ctx.Err() != nil || archive.UnlessDamage(err) != nil {
			return err
		}
		n++
		if err := to.missing(n, "Messages are missing here, because they cannot be read: "+ui.OneLine(err.Error())); err != nil {
			return err
		}
	}
	return nil
}

// Mbox writes messages as an mbox (mboxrd).
func Mbox(ctx context.Context, w io.Writer, messages Messages) error {
	m := mboxWriter{mbox.NewWriter(w)}
	if err := write(ctx, messages, m); err != nil {
		return err
	}
	return m.Flush()
}

type mboxWriter struct{ *mbox.Writer }

func (w mboxWriter) add(ctx context.Context, b *body) error {
	m := &mbox.Message{Arrived: time.Unix(b.Internal.Seconds, 0), Flags: b.Flags, LF: b.lines == lineend.CRLF}
	_, err := w.Write(m, func(to io.Writer) error { return b.writeTo(ctx, to) })
	return err
}

func (w mboxWriter) missing(_ int, text string) error {
	m := &mbox.Message{Arrived: time.Now(), LF: true}
	_, err := w.Write(m, func(to io.Writer) error {
		_, err := fmt.Fprintf(to, "From: mailstrata <mailstrata@localhost>\r\nSubject: Messages are missing\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%s\r\n", text)
		return err
	})
	return err
}

// ZIP writes messages as a ZIP file of .eml files.
func ZIP(ctx context.Context, w io.Writer, messages Messages) error {
	z := zipWriter{zipstream.NewWriter(w)}
	if err := write(ctx, messages, z); err != nil {
		return err
	}
	return z.Close()
}

type zipWriter struct{ *zipstream.Writer }

func (z zipWriter) add(ctx context.Context, b *body) error {
	name := path.Join(b.Folder, eml.FileName(b.Internal, b.head, b.UID, b.Record.Hash))
	to, err := z.Create(name, time.Unix(b.Internal.Seconds, 0))
	if err != nil {
		return err
	}
	return b.writeTo(ctx, to)
}

func (z zipWriter) missing(n int, text string) error {
	to, err := z.Create(fmt.Sprintf("missing-%d.txt", n), time.Now())
	if err == nil {
		_, err = io.WriteString(to, text+"\n")
	}
	return err
}

// Folder returns the name of a directory for the messages of a mailbox, which is only a name on
// every system.
func Folder(m *mail.Mailbox) string {
	var parts []string
	for _, part := range m.Path() {
		part = strings.Map(func(r rune) rune {
			if r < ' ' || strings.ContainsRune(`<>:"/\|?*`, r) {
				return '_'
			}
			return r
		}, ui.Safe(part))
		if part = strings.Trim(part, ". "); part == "" {
			part = "_"
		}
		parts = append(parts, part)
	}
	return path.Join(parts...)
}
