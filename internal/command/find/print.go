package find

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/readable"
	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/archive/textindex"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/internal/inorder"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/mail/entity"
	"github.com/mailstrata/mailstrata/repo"
)

// add prints a message, or what could not be read.
func (s *searchResults) add(ctx context.Context, found *search.Hit, err error) error {
	if err != nil {
		return s.reportDamage(ctx, err)
	}
	message, err := summary.ReadMessage(ctx, found.Contents, found.Mailbox, found.Entry, s.readable)
	if err != nil {
		if err := s.reportDamage(ctx, err); err != nil {
			return err
		}
	}
	return s.print(found, message, nil)
}

// addRead is add for a message that was read.
func (s *searchResults) addRead(ctx context.Context, m readable.Message[*search.Hit]) error {
	if m.Err != nil {
		return s.add(ctx, m.Item, nil)
	}
	header := entity.Parse(m.Raw).Header.Of(m.Raw)
	whole := func() []byte { return s.readWhole(ctx, m.Item) }
	at := snippetOf(textindex.FindSnippet(ctx, s.words.Query, m.Raw, s.Documents(), whole))
	return s.print(m.Item, summary.OfMessage(m.Item.Entry, header), at)
}

// readWhole reads a message with its documents. It returns nil if it cannot.
func (s *searchResults) readWhole(ctx context.Context, hit *search.Hit) (raw []byte) {
	for m, err := range s.read(ctx, inorder.Slice([]*search.Hit{hit}), s.Documents()) {
		if err == nil && m.Err == nil {
			raw = m.Raw
		}
	}
	return raw
}

func (s *searchResults) print(found *search.Hit, m summary.Message, at *snippet) error {
	s.count(found)
	if s.shown == nil {
		s.shown = found
	}
	if s.JSON {
		document := s.document(found, m)
		document.Snippet = at
		return s.PrintJSON(document)
	}
	s.row(found, m)
	if at != nil {
		s.table.Below(at.Text, at.Matches)
	}
	if found.Absent > 0 {
		s.table.Below("in between, "+ui.Plural(found.Absent, "manifest")+" did not have it", nil)
	}
	if time.Since(s.flushed) > s.flushEvery() {
		s.table.Flush()
		_ = s.Flush() // Close returns the error
		s.flushed = time.Now()
	}
	return nil
}

// flushEvery returns how often what was found is shown: on a terminal soon at first, and then less
// often, because the widths of columns are those of the rows until then.
func (s *searchResults) flushEvery() time.Duration {
	if s.Width() > 0 && s.found < 100 {
		return 100 * time.Millisecond
	}
	return time.Second
}

// reportDamage counts and prints what could not be read. It returns any other error.
func (s *searchResults) reportDamage(ctx context.Context, err error) error {
	if ctx.Err() != nil || !archive.IsDamage(err) {
		return cmp.Or(context.Cause(ctx), err)
	}
	s.unread++
	s.Warn("%s", ui.OneLine(err.Error()))
	return nil
}

func (s *searchResults) row(found *search.Hit, m summary.Message) {
	all := found.Last.Name != ""
	if s.table == nil {
		s.flushed = time.Now()
		headings := []string{"MAILBOX", "     UID", "DATE", "    SIZE", "FLAGS", "FROM", "SUBJECT"}
		if all {
			headings = append([]string{"FIRST", "LAST"}, headings...)
		}
		if s.accounts() {
			headings = append([]string{"ACCOUNT"}, headings...)
		}
		s.table = s.Program.Table(headings...).Optional("FLAGS",
			"SIZE", "FIRST").Whole("ACCOUNT", "MAILBOX").Short("DATE", len(time.DateOnly)).Late("ACCOUNT", "DATE")
	}
	date := m.When()
	if all && m.Date != nil {
		date = m.Date.Format(time.DateOnly) // there is little room
	}
	cells := []string{found.Mailbox.Name, ui.Right(fmt.Sprint(m.UID), "     UID"), date, ui.Right(ui.Size(m.Size), "    SIZE"),
		marksOf(found, &m), m.From, m.Subject}
	if all {
		cells = append([]string{nameAndDay(found.First), nameAndDay(found.Last)}, cells...)
	}
	if s.accounts() {
		cells = append([]string{found.Contents.Manifest.Account}, cells...)
	}
	s.table.Row(cells...)
}

// marksOf returns flags and labels of a message, and the other mailboxes that have it.
func marksOf(found *search.Hit, m *summary.Message) string {
	var others []string
	for i := range found.Also {
		if other := found.Also[i].Mailbox.Name; other != found.Mailbox.Name && !slices.Contains(others, other) {
			others = append(others, other)
		}
	}
	marks := m.Marks()
	if len(others) > 0 {
		marks += " also in " + strings.Join(others, ", ")
	}
	return strings.TrimSpace(marks)
}

// nameAndDay returns a manifest for a table of messages.
func nameAndDay(head repo.Head) string {
	return summary.ShortID(head) + " " + head.Time.Local().Format("2006-01-02")
}

// foundSummary is a message that was found, as JSON.
type foundSummary struct {
	Manifest string             `json:"manifest"`
	Account  string             `json:"account"`
	Mailbox  string             `json:"mailbox"`
	First    *summary.Reference `json:"first,omitempty"`  // with --all: the oldest manifest that holds the message
	Last     *summary.Reference `json:"last,omitempty"`   // and the newest
	Absent   int                `json:"absent,omitempty"` // how many complete ones between them do not
	Copies   []messageRef       `json:"copies,omitempty"` // in the same manifest
	Snippet  *snippet           `json:"snippet,omitempty"`
	summary.Message
}

// messageRef is where a copy of a message is, as JSON.
type messageRef struct {
	Mailbox string `json:"mailbox"`
	UID     uint32 `json:"uid"`
}

func (s *searchResults) document(found *search.Hit, m summary.Message) foundSummary {
	document := foundSummary{
		Manifest: summary.ID(found.Contents.Head), Account: found.Contents.Manifest.Account, Mailbox: found.Mailbox.Name, Message: m,
	}
	for _, also := range found.Also {
		document.Copies = append(document.Copies, messageRef{also.Mailbox.Name, uint32(also.Entry.UID)})
	}
	if found.Last.Name != "" {
		document.First, document.Last, document.Absent = summary.OfHead(found.First), summary.OfHead(found.Last), found.Absent
	}
	return document
}
