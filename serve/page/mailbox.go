package page

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/internal/header"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/serve/page/message"
	"github.com/mailstrata/mailstrata/serve/page/sorting"
	"github.com/mailstrata/mailstrata/serve/view"
)

// mailboxPage is the messages of a mailbox.
type mailboxPage struct {
	page
	Path     string // of the mailbox
	When     time.Time
	Messages int64
	Bytes    int64
	Columns  []column
	Nobody   string // stands for a missing name in the first column
	Pager    pager
	Rows     []messageRow
	Note     string
	Restore  string // command line
	Mbox     string // addresses of downloads
	ZIP      string
}

// column is a heading that sorts.
type column struct {
	Name, Class string
	Address     string
	Sorted      string // ascending, descending, or empty
}

// messageRow is a message in a list.
type messageRow struct {
	Address string
	UID     uint32
	Who     string // sender, or recipients of what was sent
	Subject string
	Date    time.Time
	RawDate string // if it cannot be read
	Size    int64
	Unseen  bool
	Marks   []string // flags that matter in a list
	Files   bool     // it has attachments
	Labels  []string
	Damage  string
}

// messagesOnPage is how many messages a page lists.
const messagesOnPage = 100

func (s *Server) mailbox(w http.ResponseWriter, r *request) error {
	p, err := r.mailbox()
	if err != nil {
		return err
	}
	path := p.mailbox.Archived.Path()
	data := mailboxPage{
		page: page{Title: path[len(path)-1], Account: p.history.Account, Crumbs: crumbs(p), Wide: true}, Path: strings.Join(path, " / "),
		When: p.view.Night.Time,
	}
	data.Night = p.id()
	data.Restore = command(p.history.Archive(), "restore",
		shortID(p), "--mailbox", p.mailbox.Archived.Name, "--to", back(p.history, p.index))
	if p.list == nil {
		data.Note = "This mailbox has no messages. It only has mailboxes below it."
		return s.show(w, "mailbox", data)
	}
	data.Messages, data.Bytes = int64(p.list.Len()), p.list.Bytes
	data.damaged(p.list.Damage[:min(len(p.list.Damage), 10)]...)
	data.Mbox, data.ZIP = p.address("export", formatParam, "mbox"), p.address("export", formatParam, "zip")
	order := r.order(p, &data)
	by := order
	if p.isSent() {
		by = strings.Replace(order, sorting.ByFrom, sorting.ByTo, 1)
	}
	indexes, err := s.orders.Indexes(r.Context(), p.list, by)
	if err != nil {
		return err
	}
	data.Columns, data.Nobody = p.columns(order), noSender
	if p.isSent() {
		data.Nobody = "(no recipient)"
	}
	data.Pager = newPager(len(indexes), messagesOnPage, r.number(pageParam), func(n string) string {
		return p.address("mailbox", sortParam, order, pageParam, n)
	})
	data.Rows, err = p.rows(r.Context(), indexes[data.Pager.First:data.Pager.End], order)
	if err != nil {
		return err
	}
	return s.show(w, "mailbox", data)
}

// order returns the order that the request names.
func (r *request) order(p *place, data *mailboxPage) string {
	order := r.values.Get(sortParam)
	field := strings.TrimPrefix(order, "-")
	if sorting.Usual[field] == "" {
		return sorting.Usual[sorting.ByDate]
	}
	if (field == sorting.ByFrom || field == sorting.BySubject) && p.list.Len() > sorting.MaxByHeader {
		data.Note = "A mailbox with so many messages is sorted by date or size only."
		return sorting.Usual[sorting.ByDate]
	}
	return order
}

// columns returns the headings of a list of messages.
func (p *place) columns(order string) (all []column) {
	for _, c := range []struct{ order, name string }{{sorting.ByFrom, p.whoName()}, {sorting.BySubject, "Subject"}, {sorting.ByDate, "Date"}, {sorting.BySize, "Size"}} {
		next, sorted := sorting.Usual[c.order], ""
		if strings.TrimPrefix(order, "-") == c.order {
			sorted = "ascending"
			if next = "-" + c.order; strings.HasPrefix(order, "-") {
				next, sorted = c.order, "descending"
			}
		}
		all = append(all, column{
			Name: c.name, Class: c.order, Address: p.address("mailbox", sortParam, next), Sorted: sorted,
		})
	}
	return all
}

// isSent reports whether the mailbox has what the owner of the account sent.
func (p *place) isSent() bool {
	return slices.Contains(p.mailbox.SpecialUse, `\Sent`) || slices.Contains(p.mailbox.SpecialUse, `\Drafts`)
}

func (p *place) whoName() string {
	if p.isSent() {
		return "To"
	}
	return "From"
}

// rows reads some messages for a list.
func (p *place) rows(ctx context.Context, indexes []int32, order string) ([]messageRow, error) {
	rows := make([]messageRow, len(indexes))
	at := make(map[int]int, len(indexes))
	for n, i := range indexes {
		rows[n] = p.messageRow(int(i), order)
		at[int(i)] = n
	}
	ascending := slices.Clone(indexes)
	slices.Sort(ascending)
	wanted := func(yield func(int) bool) {
		for _, i := range ascending {
			if !yield(int(i)) {
				return
			}
		}
	}
	var damage error
	var unsure []view.Message // may have attachments
	for m, err := range p.list.Ahead(ctx, p.list.Records(ctx, wanted), view.Headers) {
		var text []byte
		if err == nil {
			text, err = p.list.Contents().HeaderFields(ctx, m.Record)
		}
		if err != nil {
			if ctx.Err() != nil || archive.UnlessDamage(err) != nil {
				return nil, err
			}
			damage = err
			continue
		}
		rows[at[m.Index]].fill(text, p.isSent())
		if message.MayAttach(text, m.Record) {
			unsure = append(unsure, m)
		}
	}
	if err := message.Attached(ctx, p.list.Contents(), unsure, func(i int) { rows[at[i]].Files = true }); err != nil {
		return nil, err
	}
	for i := range rows {
		if rows[i].Damage != "" && damage != nil {
			rows[i].Damage = sentence(fmt.Errorf("the header cannot be read: %w", damage))
		}
	}
	return rows, nil
}

// unread stands for a header that is not read yet.
const unread = "The header cannot be read."

// messageRow returns a message without what its header says.
func (p *place) messageRow(i int, order string) messageRow {
	l := p.list
	flags := l.Flags(l.Set(i))
	row := messageRow{
		UID: uint32(l.UID(i)), Size: l.Size(i), Unseen: !flags.Has(`\Seen`), Labels: labels(l.Labels(l.Set(i))), Damage: unread,
		Address: p.address("message", uidParam, fmt.Sprint(l.UID(i)), sortParam, order),
	}
	row.Date, row.RawDate = dateOf(l.Date(i))
	for _, mark := range []struct{ flag, word string }{
		{`\Flagged`, "flagged"}, {`\Answered`, "answered"}, {`\Draft`, "draft"}, {`\Deleted`, "deleted"},
	} {
		if flags.Has(mark.flag) {
			row.Marks = append(row.Marks, mark.word)
		}
	}
	return row
}

// dateOf returns an INTERNALDATE, or what the server wrote if that is no date.
func dateOf(d mail.Date) (time.Time, string) {
	if d.IsReadable() {
		return d.Time(), ""
	}
	return time.Time{}, d.Raw
}

// fill adds what the header says.
func (row *messageRow) fill(text []byte, sent bool) {
	row.Damage = ""
	row.Subject = header.Text(text, "Subject")
	if row.Who = sorting.SenderName(header.Text(text, "From")); sent {
		row.Who = header.Text(text, "To")
	}
}

// labels returns the decoded names of labels of Gmail.
func labels(raw []string) (names []string) {
	for _, label := range raw {
		if name, ok := mail.DecodeName(label); ok {
			label = name
		}
		names = append(names, strings.TrimPrefix(label, `\`))
	}
	return names
}

// shortID returns the id of a night as command lines have it.
func shortID(p *place) string { return p.id()[:8] }
