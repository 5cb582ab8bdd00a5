package browse

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/listing"
	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/internal/cli/reading"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/internal/picker"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/mail/extract"
	"github.com/mailstrata/mailstrata/manifest"
)

// messageColumns are those of messages. The subject is last: if a terminal draws it wider than
// expected, nothing follows.
var messageColumns = []picker.Column{
	{Heading: "DATE", Width: 16}, {Heading: "SIZE", Width: 8, Right: true}, {Heading: "", Width: 2},
	{Heading: "FROM", Width: 26}, {Heading: "SUBJECT"},
}

// messages returns the list of the messages of a mailbox, the newest first.
func (b *browser) messages(c *archive.Contents, m *manifest.Mailbox) *picker.List {
	all := listing.Open(c, m)
	return &picker.List{
		Title:   m.Name,
		Columns: messageColumns,
		Len:     all.Len,
		Load: func(ctx context.Context, from, n int) ([]picker.Row, error) {
			entries, err := all.At(ctx, from, n)
			if err != nil {
				return nil, err
			}
			return messageRows(ctx, c, m, entries)
		},
		Open: func(ctx context.Context, at int) (*picker.List, error) {
			entries, err := all.At(ctx, at, 1)
			if err != nil || len(entries) == 0 {
				return nil, err
			}
			return open(ctx, c, m, &entries[0])
		},
		Find: func(words string) *picker.List {
			return b.found(words, func(ctx context.Context) iter.Seq2[*search.Hit, error] {
				return search.Hits(search.FindIn(ctx, c, m, queryOf(words), mail.UIDSet{}), c)
			})
		},
	}
}

// messageRows returns the rows of messages. It reads their headers together.
func messageRows(
	ctx context.Context, c *archive.Contents, m *manifest.Mailbox, entries []manifest.Entry,
) (rows []picker.Row, err error) {
	listed := func(yield func(*manifest.Entry, error) bool) {
		for i := range entries {
			if !yield(&entries[i], nil) {
				return
			}
		}
	}
	for entry, err := range archive.EntryHeadersAhead(ctx, c.Chunks(), listed) {
		if err != nil {
			return nil, err
		}
		if entry.UID == 0 {
			rows = append(rows, picker.Row{Cells: []string{"", "", "", "", "(cannot be read)"}})
			continue
		}
		s, err := summary.ReadMessage(ctx, c, m, entry, true)
		if err != nil {
			if ctx.Err() != nil || !archive.IsDamage(err) {
				return nil, err
			}
			s.Subject = "(its header cannot be read)"
		}
		rows = append(rows, rowOf(c, m, entry, &s))
	}
	return rows, nil
}

func rowOf(c *archive.Contents, m *manifest.Mailbox, e *manifest.Entry, s *summary.Message) picker.Row {
	date := s.RawDate
	if s.Date != nil {
		date = s.Date.Format("2006-01-02 15:04")
	}
	state := ""
	if !e.Flags.Has(`\Seen`) {
		state = "N"
	}
	if e.Flags.Has(`\Flagged`) {
		state += "!"
	}
	return picker.Row{
		Cells: []string{date, ui.Size(e.Size), state, s.From, s.Subject},
		Key:   fmt.Sprintf("message %s %s %010d", c.Head.Name, m.Raw, e.UID),
		Item:  messageItem{c.Head, m.Name, uint32(e.UID)},
	}
}

// open returns the text of a message.
func open(ctx context.Context, c *archive.Contents, m *manifest.Mailbox, e *manifest.Entry) (*picker.List, error) {
	if e.UID == 0 {
		return nil, errors.New("this message cannot be read")
	}
	read, err := reading.Read(ctx, c, e)
	if err != nil {
		return nil, fmt.Errorf("UID %d: %w", e.UID, err)
	}
	fields := slices.DeleteFunc([][2]string{
		{"From:", read.From}, {"To:", read.To}, {"Cc:", read.Cc}, {"Date:", read.Written}, {"Subject:", read.Subject},
		{"Received:", read.When()}, {"Flags:", read.Marks()},
	}, func(field [2]string) bool { return field[1] == "" })
	text := read.Text + "\n"
	if read.Truncated {
		text += fmt.Sprintf("\n(the rest of the text is left out: it is longer than %s)\n", ui.Size(extract.MaxText))
	}
	return &picker.List{
		Title: fmt.Sprintf("UID %d", e.UID), IsText: true, Fields: fields, Text: text, Row: rowOf(c, m, e, &read.Message),
	}, nil
}
