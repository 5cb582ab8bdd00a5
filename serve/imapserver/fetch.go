package imapserver

import (
	"context"
	"fmt"
	"strconv"

	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/serve/internal/command"
	"github.com/mailstrata/mailstrata/serve/view"
)

// fetch is FETCH (RFC 3501 section 6.4.5). A message that cannot be read is left out, and the
// answer is NO.
func (s *session) fetch(ctx context.Context, cmd *command.Command) error {
	f, err := cmd.Fetch()
	if err != nil {
		return err
	}
	wanted, err := s.selected.messages(f.Set, cmd.UID)
	if err != nil {
		return err
	}
	r := &fetcher{session: s, list: s.selected.list, items: f.Items}
	if cmd.UID {
		r.items = append([]command.Item{{Name: "UID"}}, without(r.items, "UID")...)
	}
	if r.from = r.plan(); r.from == ofList {
		err = r.fromList(wanted)
	} else {
		err = r.fromArchive(ctx, wanted)
	}
	if err == nil && r.lost > 0 {
		err = &no{fmt.Sprintf("[SERVERBUG] %d messages cannot be read. UID %d: %s",
			r.lost, r.first, printable(r.reason.Error()))}
	}
	return err
}

// without returns the items except those with a name.
func without(items []command.Item, name string) (kept []command.Item) {
	for _, item := range items {
		if item.Name != name {
			kept = append(kept, item)
		}
	}
	return kept
}

// fetcher writes what a FETCH asks for.
type fetcher struct {
	*session
	list  *view.List
	items []command.Item
	from  source // what must be read

	bodies int // items that can be all of the message

	lost   int // messages that cannot be read
	first  mail.UID
	reason error // of the first
}

// source says what must be read for an item.
type source int

const (
	ofList    source = iota // nothing
	ofRecords               // what the archive records of the message
	ofHeaders               // the header of the message
	ofTexts                 // its structure, and all but its large attachments
	ofBodies                // any of the message
)

// plan returns what must be read for all items.
func (f *fetcher) plan() (from source) {
	for _, item := range f.items {
		of := sourceOf(item)
		if from = max(from, of); of == ofBodies {
			f.bodies++
		}
	}
	return from
}

func sourceOf(item command.Item) source {
	switch item.Name {
	case "ENVELOPE":
		return ofHeaders
	case "BODY", "BODYSTRUCTURE":
		return ofTexts
	case "SECTION":
		switch s := item.Section; {
		case s.Of == command.Whole, s.Of == command.Text:
			return ofBodies
		case len(s.Part) > 0:
			return ofTexts
		}
		return ofHeaders
	}
	return ofList
}

// fromList answers from what the list has.
func (f *fetcher) fromList(wanted []interval) error {
	var b []byte
	for i := range indexes(wanted) {
		b = f.begin(b[:0], i)
		for n, item := range f.items {
			b = f.listItem(space(b, n), i, item)
		}
		b = append(b, ")\r\n"...)
		if _, err := f.out.Write(b); err != nil {
			return errGone
		}
	}
	return nil
}

// begin begins a FETCH response.
func (f *fetcher) begin(b []byte, i int) []byte {
	b = append(b, "* "...)
	b = strconv.AppendInt(b, int64(i)+1, 10)
	return append(b, " FETCH ("...)
}

// space separates items.
func space(b []byte, n int) []byte {
	if n > 0 {
		return append(b, ' ')
	}
	return b
}

// listItem appends an item of the list.
func (f *fetcher) listItem(b []byte, i int, item command.Item) []byte {
	switch item.Name {
	case "UID":
		return strconv.AppendUint(append(b, "UID "...), uint64(f.list.UID(i)), 10)
	case "FLAGS":
		return append(b, f.selected.flags[f.list.Set(i)]...)
	case "RFC822.SIZE":
		return strconv.AppendInt(append(b, "RFC822.SIZE "...), f.list.Size(i), 10)
	}
	return append(append(append(b, `INTERNALDATE "`...), dateText(f.list.Date(i))...), '"')
}

// dateText returns an INTERNALDATE as a date-time. What a server sent as one and cannot be read
// becomes the beginning of 1970: a client must be able to read every response.
func dateText(d mail.Date) string {
	if !d.IsReadable() {
		return mail.Date{}.String()
	}
	d = d.Resolved()
	return mail.Date{Seconds: d.Seconds, Zone: d.Zone}.String()
}

// whole returns the response for a message.
func (f *fetcher) whole(ctx context.Context, m view.Message) ([]byte, error) {
	p := f.message(ctx, m)
	b := f.begin(nil, m.Index)
	for n, item := range f.items {
		var err error
		if b, err = f.item(p, space(b, n), item); err != nil {
			return nil, err
		}
	}
	return append(b, ")\r\n"...), nil
}

// item appends an item of a message.
func (f *fetcher) item(p *message, b []byte, item command.Item) ([]byte, error) {
	switch item.Name {
	case "ENVELOPE":
		return p.appendEnvelope(append(b, "ENVELOPE "...))
	case "BODY", "BODYSTRUCTURE":
		return p.appendStructure(append(append(b, item.Name...), ' '), item.Name == "BODYSTRUCTURE")
	case "SECTION":
		text, err := p.section(item.Section)
		if err != nil {
			return nil, err
		}
		return appendSection(b, item.Section, text), nil
	}
	return f.listItem(b, p.Index, item), nil
}
