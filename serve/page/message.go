package page

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/attachment"
	"github.com/mailstrata/mailstrata/internal/header"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/serve/page/message"
	"github.com/mailstrata/mailstrata/serve/page/sorting"
	"github.com/mailstrata/mailstrata/serve/view"
)

// messagePage is a message.
type messagePage struct {
	page
	Fields      []field // that people read first
	Date        time.Time
	RawDate     string // if it cannot be read
	Size        int64
	UID         uint32
	Mailbox     string
	Flags       []string
	Labels      []string
	Tabs        []tab
	Show        string
	Frame       string // address of the HTML; empty: there is none
	Height      string // class of the frame
	Texts       []message.Text
	Header      []field // if it is shown
	Source      string  // if it is shown
	Cut         bool    // not all is shown
	Attachments []attachmentRow
	MoreFiles   int    // attachments that are not among these
	Newer       string // addresses of the neighbors
	Older       string
	Download    string
	Stay        string // address of the nights that have it
	Restore     string // command lines
	Cat         string
}

// field is a field of a header, decoded.
type field struct{ Name, Value string }

// tab is a way to show a message.
type tab struct {
	Name, Address string
	Current       bool
}

// The ways to show a message.
const (
	showHTML   = "html"
	showText   = "text"
	showHeader = "header"
	showSource = "source"
)

// attachmentRow is an attachment in a list.
type attachmentRow struct {
	Name, Type string
	Size       int64
	Address    string
}

// Limits of what a page shows of a message. A download has all of it.
const (
	maxAttachments = 500
	largeMessage   = 1 << 20 // one at a time is larger when it is read
)

func (s *Server) message(w http.ResponseWriter, r *request) error {
	p, i, end, err := s.openMessage(r)
	if err != nil {
		return err
	}
	defer end()
	data := &messagePage{
		page: page{
			Account: p.history.Account, Night: p.id(),
			Crumbs: append(crumbs(p), crumb{p.mailbox.Archived.Name, p.address("mailbox")}),
		},
		Size: p.list.Size(i), UID: uint32(p.list.UID(i)), Mailbox: p.mailbox.Archived.Name, Flags: flagWords(p.list.Flags(p.list.Set(i))),
		Labels: labels(p.list.Labels(p.list.Set(i))), Download: p.address("eml", uidParam, fmt.Sprint(p.list.UID(i))),
	}
	data.Date, data.RawDate = dateOf(p.list.Date(i))
	uid := fmt.Sprint(p.list.UID(i))
	data.Stay = p.address("stay", uidParam, uid)
	data.Restore = command(p.history.Archive(), "restore",
		shortID(p), "--mailbox", data.Mailbox, "--message", uid, "--to", back(p.history, p.index))
	data.Cat = command(p.history.Archive(), "cat", shortID(p), data.Mailbox, uid)
	if err := s.neighbors(r, p, i, data); err != nil {
		return err
	}
	if err := s.fillMessage(r, p, i, data); err != nil {
		if r.Context().Err() != nil || archive.UnlessDamage(err) != nil {
			return err
		}
		data.damaged(fmt.Errorf("the message cannot be read: %w", err))
	}
	data.Title = cmp.Or(data.Title, noSubject)
	return s.show(w, "message", data)
}

// openMessage finds the message that a request names, and waits until it may be read. The caller
// calls end.
func (s *Server) openMessage(r *request) (p *place, i int, end func(), err error) {
	if p, i, err = r.message(); err != nil {
		return nil, 0, nil, err
	}
	end, err = s.readingOf(r.Context(), p.list.Size(i))
	return p, i, end, err
}

// readingOf waits until a message or an item of a size may be read. The caller ends that.
func (s *Server) readingOf(ctx context.Context, size int64) (end func(), err error) {
	if size > largeMessage {
		return s.large.Take(ctx)
	}
	return s.small.Take(ctx)
}

// neighbors sets the links to the messages beside this one.
func (s *Server) neighbors(r *request, p *place, i int, data *messagePage) error {
	order := r.values.Get(sortParam)
	if field := strings.TrimPrefix(order, "-"); field != sorting.ByDate && field != sorting.BySize {
		order = sorting.Usual[sorting.ByDate] // others read the whole mailbox
	}
	indexes, err := s.orders.Indexes(r.Context(), p.list, order)
	if err != nil {
		return err
	}
	for n, at := range indexes {
		if int(at) != i {
			continue
		}
		link := func(n int) string {
			return p.address("message", uidParam, fmt.Sprint(p.list.UID(int(indexes[n]))), sortParam, order)
		}
		if n > 0 {
			data.Newer = link(n - 1)
		}
		if n+1 < len(indexes) {
			data.Older = link(n + 1)
		}
	}
	return nil
}

// fillMessage reads the message.
func (s *Server) fillMessage(r *request, p *place, i int, data *messagePage) error {
	m, err := record(r.Context(), p.list, i)
	if err != nil {
		return err
	}
	shown, err := message.Read(r.Context(), p.list.Contents(), m.Record)
	if err != nil {
		return err
	}
	data.Title = oneLine(header.Text(shown.Header, "Subject"))
	for _, name := range []string{"From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Date"} {
		var values []string
		for value := range header.Texts(shown.Header, name) {
			values = append(values, oneLine(value))
		}
		if len(values) > 0 && !(name == "Sender" && values[0] == data.field("From")) {
			data.Fields = append(data.Fields, field{name, strings.Join(values, "; ")})
		}
	}
	data.Show = r.values.Get(showParam)
	tabs := tabsOf(shown)
	if !slices.Contains(tabs, data.Show) {
		data.Show = tabs[0]
	}
	for _, t := range tabs {
		address := p.address("message",
			uidParam, fmt.Sprint(data.UID), sortParam, r.values.Get(sortParam), showParam, t)
		data.Tabs = append(data.Tabs, tab{tabNames[t], address, t == data.Show})
	}
	switch data.Show {
	case showHTML:
		data.Height = shown.Height()
		data.Frame = p.address("frame", uidParam, fmt.Sprint(data.UID))
	case showText:
		data.Texts, data.Cut = shown.Texts()
	case showHeader:
		for name, value := range header.Fields(shown.Header) {
			data.Header = append(data.Header, field{oneLine(name), oneLine(header.Decode(value))})
		}
	case showSource:
		if data.Source, err = message.Source(r.Context(), p.list.Contents(), m.Record); err != nil {
			return err
		}
		data.Cut = data.Size > message.MaxSource
	}
	return s.listAttachments(r, p, m, data)
}

// flagWords returns flags as people call them. What most messages have is left out.
func flagWords(flags mail.Flags) (words []string) {
	if !flags.Has(`\Seen`) {
		words = append(words, "unread")
	}
	for _, flag := range flags {
		switch name := strings.ToLower(strings.TrimPrefix(flag, `\`)); name {
		case "seen", "recent":
		case "answered", "flagged", "draft", "deleted":
			words = append(words, name)
		default:
			words = append(words, flag)
		}
	}
	return words
}

// field returns the value of a field that is shown, or an empty string.
func (data *messagePage) field(name string) string {
	for _, f := range data.Fields {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// tabsOf returns the ways in which a message can be shown, the best first.
func tabsOf(shown *message.Message) []string {
	if shown.HasHTML() {
		return []string{showHTML, showText, showHeader, showSource}
	}
	return []string{showText, showHeader, showSource}
}

var tabNames = map[string]string{showHTML: "Message", showText: "Text", showHeader: "Header", showSource: "Source"}

// record returns a message of a list.
func record(ctx context.Context, l *view.List, i int) (view.Message, error) {
	for m, err := range l.Records(ctx, func(yield func(int) bool) { yield(i) }) {
		return m, err
	}
	return view.Message{}, errNotFound
}

// listAttachments adds the attachments.
func (s *Server) listAttachments(r *request, p *place, m view.Message, data *messagePage) error {
	found, err := attachmentsOf(r.Context(), p, m)
	if err != nil {
		return err
	}
	for n, a := range found[:min(len(found), maxAttachments)] {
		data.Attachments = append(data.Attachments, attachmentRow{
			Name: fileName(a.Name, a.Type), Type: oneLine(a.Type), Size: a.Size,
			Address: p.address("attachment", uidParam, fmt.Sprint(data.UID), numberParam, strconv.Itoa(n+1)),
		})
	}
	data.MoreFiles = len(found) - len(data.Attachments)
	return nil
}

// AttachmentCount returns the number of attachments in words.
func (data *messagePage) AttachmentCount() string {
	return ui.Plural(len(data.Attachments)+data.MoreFiles, "attachment")
}

// attachmentsOf returns the attachments of a message.
func attachmentsOf(ctx context.Context, p *place, m view.Message) ([]attachment.Attachment, error) {
	l := attachment.Lister{Chunks: p.list.Contents().Chunks(), Key: p.history.Archive().Repo().ChunkKey()}
	one := func(yield func(view.Message, error) bool) { yield(m, nil) }
	for found, err := range attachment.Of(ctx, l, one, func(m view.Message) *manifest.Record { return m.Record }) {
		if err == nil {
			err = found.Err
		}
		return found.Attachments, err
	}
	return nil, errNotFound
}
