// Package reading reads a message as somebody reads it: some fields of its header, and its text.
package reading

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/readable"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/internal/header"
	"github.com/mailstrata/mailstrata/internal/inorder"
	"github.com/mailstrata/mailstrata/mail/entity"
	"github.com/mailstrata/mailstrata/mail/extract"
	"github.com/mailstrata/mailstrata/manifest"
)

// Message is a message to be read.
type Message struct {
	summary.Message
	To, Cc    string
	Written   string // the field Date
	Text      string
	Truncated bool // the text is longer than extract.MaxText, or begins too late to be read
}

// Read reads a message. It does not read attachments that are no text.
func Read(ctx context.Context, c *archive.Contents, entry *manifest.Entry) (*Message, error) {
	m := new(Message)
	o := readable.Options[*manifest.Record]{
		Chunks: c.Chunks(),
		Record: func(record *manifest.Record) *manifest.Record { return record },
		Wants:  func(e *entity.Entity) bool { return extract.Reads(e, nil) },
	}
	for read, err := range readable.Messages(ctx, o, inorder.Slice([]*manifest.Record{&entry.Record})) {
		if err = errors.Join(err, read.Err); err != nil {
			return nil, err
		}
		head := entity.Parse(read.Raw).Header.Of(read.Raw)
		m.Message = summary.OfMessage(entry, head)
		m.To, m.Cc, m.Written = fields(head, "To"), fields(head, "Cc"), fields(head, "Date")
		var parts []extract.Part
		parts, m.Truncated = extract.Parts(read.Raw)
		m.Truncated = m.Truncated || read.Cut
		m.Text = joinParts(parts)
	}
	return m, nil
}

// fields returns the values of all fields of a name.
func fields(head []byte, name string) string {
	var values []string
	for value := range header.Texts(head, name) {
		values = append(values, value)
	}
	return strings.Join(values, ", ")
}

// joinParts returns the texts of a message as one, in which a message within begins with its
// header.
func joinParts(parts []extract.Part) string {
	var b strings.Builder
	for _, part := range parts {
		if h := part.Within; h != nil {
			b.WriteString("\n-------- a message within --------\n")
			for _, field := range [][2]string{{"From", h.From}, {"To", h.To}, {"Date", h.Date}, {"Subject", h.Subject}} {
				if field[1] != "" {
					fmt.Fprintf(&b, "%s: %s\n", field[0], strings.ReplaceAll(field[1], "\n", ", "))
				}
			}
			b.WriteString("\n")
		}
		b.WriteString(strings.ReplaceAll(part.Text, "\r\n", "\n"))
		b.WriteString("\n\n")
	}
	return strings.TrimRight(b.String(), "\n")
}
