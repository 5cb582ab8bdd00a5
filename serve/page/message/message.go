// Package message reads a message as a page shows it: its texts, without its attachments.
package message

import (
	"bytes"
	"context"
	"strings"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/layout"
	"github.com/mailstrata/mailstrata/archive/readable"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/mail/charset"
	"github.com/mailstrata/mailstrata/mail/entity"
	"github.com/mailstrata/mailstrata/mail/extract"
	"github.com/mailstrata/mailstrata/manifest"
)

// Limits of what a page shows of a message.
const (
	MaxShown  = 1 << 20   // bytes of text
	MaxSource = 256 << 10 // bytes of source
)

// Message is a message without its attachments.
type Message struct {
	Header    []byte
	Parts     []extract.Part
	Truncated bool // Parts are not all of it
}

// Text is a text of a message.
type Text struct {
	Heading *extract.Heading // of a message within the message
	Text    string
}

// Read reads a message. The bodies of attachments are not read.
func Read(ctx context.Context, c *archive.Contents, record *manifest.Record) (*Message, error) {
	one := func(yield func(*manifest.Record, error) bool) { yield(record, nil) }
	o := readable.Options[*manifest.Record]{
		Chunks: c.Chunks(), Record: func(r *manifest.Record) *manifest.Record { return r },
		Wants: func(e *entity.Entity) bool { return extract.Reads(e, nil) },
	}
	for read, err := range readable.Messages(ctx, o, one) {
		if err == nil {
			err = read.Err
		}
		if err != nil {
			return nil, err
		}
		m := &Message{Header: entity.Parse(read.Raw).Header.Of(read.Raw)}
		m.Parts, m.Truncated = extract.Parts(read.Raw)
		m.Truncated = m.Truncated || read.Cut
		return m, nil
	}
	return nil, archive.ErrNoMessage
}

// HasHTML reports whether a part of the message is HTML.
func (m *Message) HasHTML() bool {
	for _, p := range m.Parts {
		if p.HTML != "" {
			return true
		}
	}
	return false
}

// Height returns the class of the frame of the HTML. A page without scripts cannot measure it, so
// it follows from the text: the lines that the plain text would have. What has pictures or tables
// can be much higher, and gets most of the window.
func (m *Message) Height() string {
	lines := 0
	for _, p := range m.Parts {
		if lower := strings.ToLower(p.HTML); strings.Contains(lower, "<img") || strings.Contains(lower, "<table") {
			return "tall"
		}
		for line := range strings.Lines(p.Text) {
			lines += 1 + len(line)/charactersInLine
		}
	}
	switch {
	case lines <= 6:
		return "short"
	case lines <= 16:
		return "middle"
	}
	return "tall"
}

// charactersInLine is how many characters fit into a line of the frame, about.
const charactersInLine = 80

// Texts returns the texts of the message, up to MaxShown. cut says that more is missing.
func (m *Message) Texts() (all []Text, cut bool) {
	cut = m.Truncated
	room := MaxShown
	for _, p := range m.Parts {
		text := p.Text
		if len(text) > room {
			text, cut = strings.ToValidUTF8(text[:room], ""), true
		}
		room -= len(text)
		all = append(all, Text{p.Within, Visible(text)})
	}
	return all, cut
}

// Visible returns a text in which nothing is hidden or looks like something else: bidirectional
// overrides and control characters are escaped.
func Visible(text string) string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	var b strings.Builder
	for line := range strings.Lines(text) {
		bare := strings.TrimRight(line, "\r\n")
		for i, column := range strings.Split(bare, "\t") {
			if i > 0 {
				b.WriteByte('\t')
			}
			b.WriteString(ui.Safe(column))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// Source returns the beginning of a message as it is, up to MaxSource.
func Source(ctx context.Context, c *archive.Contents, record *manifest.Record) (string, error) {
	places, err := layout.Of(ctx, c, record)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	if err := places.WriteRange(ctx, &b, 0, min(MaxSource, record.Size)); err != nil {
		return "", err
	}
	return Visible(charset.Guess(b.Bytes())), nil
}
