package page

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/archive/diff"
	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/archive/search/query"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/serve/page/export"
	"github.com/mailstrata/mailstrata/serve/view"
)

const formatParam = "as" // mbox or zip

// export downloads the messages of a mailbox, of a search, or those that are gone between two
// nights, as one file.
func (s *Server) export(w http.ResponseWriter, r *request) error {
	write, ending := export.Mbox, ".mbox"
	switch r.values.Get(formatParam) {
	case "mbox":
	case "zip":
		write, ending = export.ZIP, ".zip"
	default:
		return fmt.Errorf("%w: files are mbox or zip", errNotFound)
	}
	messages, name, err := s.exported(r)
	if err != nil {
		return err
	}
	end, err := s.exports.Take(r.Context())
	if err != nil {
		return err
	}
	defer end()
	out := &lazyWriter{ResponseWriter: w, begin: func() { setDownload(w, fileName(name, "")+ending) }}
	err = write(r.Context(), out, messages)
	if err != nil && !out.begun {
		return err
	}
	out.Write(nil)
	return abortOn(err)
}

// exported returns the messages that a request names, and a name for their file.
func (s *Server) exported(r *request) (messages export.Messages, name string, err error) {
	switch {
	case r.values.Has(newerParam):
		c, err := r.compare()
		if err != nil {
			return nil, "", err
		}
		name := fmt.Sprintf("gone %s to %s", dayOf(c.before.view.Night.Time), dayOf(c.after.view.Night.Time))
		return c.exported(r.Context()), name, nil
	case r.values.Has(queryParam):
		f, err := s.find(r)
		if err != nil {
			return nil, "", err
		}
		return f.exported(), "found " + ui.Cut(oneLine(r.values.Get(queryParam)), 60), nil
	}
	p, err := r.mailbox()
	if err != nil {
		return nil, "", err
	}
	if p.list == nil {
		return nil, "", fmt.Errorf("%w: the mailbox has no messages", errNotFound)
	}
	name = strings.Join(p.mailbox.Archived.Path(), "-") + " " + dayOf(p.view.Night.Time)
	return p.exported(r.Context()), name, nil
}

// exported yields the messages of the mailbox.
func (p *place) exported(ctx context.Context) export.Messages {
	every := func(yield func(int) bool) {
		for i := range p.list.Len() {
			if !yield(i) {
				return
			}
		}
	}
	return func(yield func(export.Message, error) bool) {
		if !yieldAll(yield, p.list.Damage) {
			return
		}
		for m, err := range p.list.Ahead(ctx, p.list.Records(ctx, every), view.Bodies) {
			out := export.Message{Contents: p.list.Contents(), Record: m.Record}
			if err == nil {
				i := m.Index
				out.UID, out.Internal, out.Flags = p.list.UID(i), p.list.Date(i), p.list.Flags(p.list.Set(i))
			}
			if !yield(out, err) {
				return
			}
		}
	}
}

// exported yields what the search found.
func (f *finder) exported() export.Messages {
	return func(yield func(export.Message, error) bool) {
		if !yieldAll(yield, f.unread) {
			return
		}
		for _, hit := range f.hits {
			e := hit.Entry
			m := export.Message{
				Contents: hit.Contents, Record: &e.Record, UID: e.UID, Internal: e.Internal.Resolved(), Flags: e.Flags, Folder: export.Folder(&hit.Mailbox.Mailbox),
			}
			if !yield(m, nil) {
				return
			}
		}
	}
}

// exported yields the messages that are gone.
func (c *comparison) exported(ctx context.Context) export.Messages {
	return func(yield func(export.Message, error) bool) {
		var unread []error
		for _, m := range c.difference.Mailboxes {
			if m.Unread != nil {
				unread = append(unread, fmt.Errorf("mailbox %q cannot be compared: %w", m.Mailbox().Name, m.Unread))
			}
		}
		if !yieldAll(yield, unread) {
			return
		}
		gone := func(k diff.Kind) bool { return k == diff.Removed }
		for found, err := range c.all(ctx, gone, 0, -1) {
			var m export.Message
			if err == nil {
				e := found.Entry
				m = export.Message{
					Contents: found.Contents, Record: &e.Record, UID: e.UID, Internal: e.Internal.Resolved(),
					Flags: e.Flags, Folder: folderOf(found),
				}
			}
			if !yield(m, err) {
				return
			}
		}
	}
}

// yieldAll yields damage that was found before the messages are read. It returns false if no more
// is wanted.
func yieldAll(yield func(export.Message, error) bool, damage []error) bool {
	for _, err := range damage {
		if !yield(export.Message{}, err) {
			return false
		}
	}
	return true
}

func folderOf(c change) string {
	m := &c.mailbox.Mailbox().Mailbox
	if c.mailbox.Before != nil {
		m = &c.mailbox.Before.Mailbox
	}
	return export.Folder(m)
}

// find runs the search of a request, for all that can be seen of it.
func (s *Server) find(r *request) (*finder, error) {
	h, err := r.history()
	if err != nil {
		return nil, err
	}
	f := &finder{server: s, history: h, limit: maxFound}
	if id := r.values.Get(nightParam); id != "" {
		p, err := r.nightOf(h, id)
		if err != nil {
			return nil, err
		}
		f.contents = p.view.Contents
	}
	if f.query, err = query.Parse([]string{r.values.Get(queryParam)}, search.Query{}, time.Now()); err != nil {
		return nil, err
	}
	if f.query.IsZero() {
		return nil, fmt.Errorf("%w: there is nothing to search for", errNotFound)
	}
	end, err := s.large.Take(r.Context())
	if err != nil {
		return nil, err
	}
	defer end()
	return f, f.run(r.Context())
}
