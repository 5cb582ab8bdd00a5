package page

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/diff"
	"github.com/mailstrata/mailstrata/internal/day"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/serve/view"
)

// Names of parameters of a comparison.
const (
	newerParam = "b" // the id of the newer night; the latest complete one if it is empty
	sinceParam = "since"
	untilParam = "until" // days, in place of the ids
)

// changesPage is what changed between two nights.
type changesPage struct {
	page
	Before, After         time.Time
	BeforeName, AfterName string
	BeforeAt, AfterAt     string        // addresses
	From, To              []nightOption // for the form
	Kinds                 []kindTab
	Mailboxes             []changedRow
	Kind                  string
	Rows                  []changeRow
	Pager                 pager
	Restore               string // command line; empty: nothing is gone
	Archive, ArchiveZIP   string // addresses of downloads of what is gone
}

// kindTab is a kind of change, with its number.
type kindTab struct {
	Name    string
	Address string
	Count   int64
	Current bool
}

// changedRow is a mailbox that changed.
type changedRow struct {
	Name                             string
	Remark                           string
	Removed, Added, Moved, Reflagged int64
}

// changeRow is a message that changed.
type changeRow struct {
	messageRow
	Mailbox string
	Detail  string
}

// kinds are the kinds of changes, by their names in addresses.
var kinds = []struct {
	name, title string
	is          func(diff.Kind) bool
	count       func(*diff.MailboxDifference) int64
}{
	{"gone", "Gone", func(k diff.Kind) bool { return k == diff.Removed }, func(m *diff.MailboxDifference) int64 { return m.Removed }},
	{"new", "New", func(k diff.Kind) bool { return k == diff.Added }, func(m *diff.MailboxDifference) int64 { return m.Added }},
	{"moved", "Moved", func(k diff.Kind) bool { return k == diff.MovedIn }, func(m *diff.MailboxDifference) int64 { return m.MovedIn }},
	{"flags", "Flags", func(k diff.Kind) bool { return k == diff.Reflagged }, func(m *diff.MailboxDifference) int64 { return m.Reflagged }},
}

// comparison is two nights and their difference.
type comparison struct {
	before, after *place
	difference    *diff.Difference
}

// compare compares the nights that a request names.
func (r *request) compare() (*comparison, error) {
	h, err := r.history()
	if err != nil {
		return nil, err
	}
	older, newer := r.values.Get(nightParam), r.values.Get(newerParam)
	if text := r.values.Get(untilParam); text != "" {
		i := nightOfDay(h, text, -1)
		if i < 0 {
			return nil, fmt.Errorf("%w: no backup is as old as %q", errNotFound, text)
		}
		newer = nightID(h, i)
	}
	c := new(comparison)
	if c.after, err = r.nightOf(h, newer); err != nil {
		return nil, err
	}
	if text := r.values.Get(sinceParam); text != "" {
		i := nightOfDay(h, text, c.after.index)
		if i < 0 {
			return nil, fmt.Errorf("%w: no backup before %s is as old as %q",
				errNotFound, clock(c.after.view.Night.Time), text)
		}
		older = nightID(h, i)
	}
	if c.before, err = r.nightOf(h, older); err != nil {
		return nil, err
	}
	if c.before.index < c.after.index {
		c.before, c.after = c.after, c.before
	}
	c.difference, err = diff.Compare(r.Context(), c.before.view.Contents, c.after.view.Contents)
	return c, err
}

// nightOfDay returns the index of the last complete night of a day, or before it, of those that are
// older than the night after, or -1. If that and all older ones are of the day, it is the first one
// of them.
func nightOfDay(h *view.History, text string, after int) int {
	when, ok := day.Parse(text, time.Now())
	if !ok {
		return -1
	}
	first, last := -1, -1
	for i := completeBefore(h, after); i >= 0; i = completeBefore(h, i) {
		if first = i; last < 0 && h.Nights[i].Head.Time.Before(when.Until) {
			last = i
		}
	}
	if last >= 0 && after >= 0 && h.Nights[after].Head.Time.Before(when.Until) &&
		!h.Nights[first].Head.Time.Before(when.From) {
		return first
	}
	return last
}

// address returns the address of a page about the two nights.
func (c *comparison) address(path string, more ...string) string {
	return betweenAddress(path, c.before.history, c.before.index, c.after.index, more...)
}

// betweenAddress returns the address of a page about two nights, by their indexes.
func betweenAddress(path string, h *view.History, before, after int, more ...string) string {
	pairs := []string{accountParam, h.Account, nightParam, nightID(h, before), newerParam, nightID(h, after)}
	return to(path, append(pairs, more...)...)
}

// changes shows what changed between two nights, and first of all what is gone.
func (s *Server) changes(w http.ResponseWriter, r *request) error {
	c, err := r.compare()
	if err != nil {
		return err
	}
	h := c.before.history
	data := &changesPage{
		page: page{
			Title: "What changed", Account: h.Account, Crumbs: accountCrumbs(h), Wide: true,
		},
		Before: c.before.view.Night.Time, After: c.after.view.Night.Time,
		BeforeAt: nightAddress(h, c.before.index), AfterAt: nightAddress(h, c.after.index),
	}
	data.BeforeName, data.AfterName = nightName(h, c.before.index), nightName(h, c.after.index)
	data.From, data.To = nightOptions(h, c.before.index), nightOptions(h, c.after.index)
	kind := kinds[0]
	for _, k := range kinds {
		if k.name == r.values.Get(showParam) {
			kind = k
		}
	}
	totals := c.difference.Totals()
	for _, k := range kinds {
		data.Kinds = append(data.Kinds, kindTab{
			k.title, c.address("changes", showParam, k.name), k.count(&totals), k.name == kind.name,
		})
	}
	data.Kind = kind.title
	for _, m := range c.difference.Mailboxes {
		data.Mailboxes = append(data.Mailboxes, changedRow{
			m.Mailbox().Name, remark(m), m.Removed, m.Added, m.MovedIn, m.Reflagged,
		})
		if m.Unread != nil {
			data.damaged(fmt.Errorf("mailbox %q cannot be compared: %w", m.Mailbox().Name, m.Unread))
		}
	}
	data.Pager = newPager(int(kind.count(&totals)), messagesOnPage, r.number(pageParam), func(n string) string {
		return c.address("changes", showParam, kind.name, pageParam, n)
	})
	if err := c.fill(r.Context(), data, kind.is); err != nil {
		return err
	}
	if totals.Removed > 0 {
		data.Restore = command(h.Archive(), "restore", repoID(c.before.view.Night), "--missing-from",
			repoID(c.after.view.Night), "--to", back(h, c.after.index))
		data.Archive, data.ArchiveZIP = c.address("export", formatParam, "mbox"), c.address("export", formatParam, "zip")
	}
	return s.show(w, "changes", data)
}

// remark returns what happened to a mailbox as a whole.
func remark(m *diff.MailboxDifference) string {
	switch {
	case m.Unread != nil:
		return "cannot be compared"
	case m.Created():
		return "created"
	case m.WasRemoved():
		return "removed"
	case m.Renamed():
		return "renamed from " + ui.Safe(m.Before.Name)
	}
	return ""
}

// change is a change of a message, with its mailbox.
type change struct {
	*diff.Change
	mailbox *diff.MailboxDifference
}

// all yields the changes of some kinds, from the one with a number on, at most limit. Damage is
// between them.
func (c *comparison) all(ctx context.Context, is func(diff.Kind) bool, first, limit int) iter.Seq2[change, error] {
	return func(yield func(change, error) bool) {
		n := 0
		for _, m := range c.difference.Mailboxes {
			for found, err := range c.difference.Changes(ctx, m) {
				if err == nil && !is(found.Kind) {
					continue
				}
				if err == nil {
					if n++; n <= first {
						continue
					}
				}
				if !yield(change{found, m}, err) {
					return
				}
				if n == first+limit {
					return
				}
			}
		}
	}
}

// fill adds the messages of a page.
func (c *comparison) fill(ctx context.Context, data *changesPage, is func(diff.Kind) bool) error {
	changes := archive.HeadersAhead(ctx, c.difference.After.Chunks(), c.all(ctx, is, data.Pager.First, data.Pager.End-data.Pager.First), func(c change) []*manifest.Record {
		return []*manifest.Record{&c.Entry.Record}
	})
	for found, err := range changes {
		if err != nil {
			if ctx.Err() != nil || archive.UnlessDamage(err) != nil {
				return err
			}
			data.damaged(err)
			continue
		}
		row := c.row(found)
		text, err := found.Contents.HeaderFields(ctx, &found.Entry.Record)
		if err != nil {
			if ctx.Err() != nil || archive.UnlessDamage(err) != nil {
				return err
			}
			row.Damage = sentence(fmt.Errorf("the header cannot be read: %w", err))
		} else {
			row.fill(text, false)
		}
		data.Rows = append(data.Rows, row)
	}
	return nil
}

// row returns a message without what its header says.
func (c *comparison) row(found change) changeRow {
	m, at := found.mailbox.Mailbox(), c.after
	if found.Contents == c.difference.Before {
		m, at = found.mailbox.Before, c.before
	}
	row := changeRow{Mailbox: m.Name}
	row.UID, row.Size = uint32(found.Entry.UID), found.Entry.Size
	row.Date, row.RawDate = dateOf(found.Entry.Internal)
	row.Address = to("message", accountParam, at.history.Account, nightParam, at.id(), mailboxParam, m.Raw,
		uidParam, fmt.Sprint(found.Entry.UID))
	switch found.Kind {
	case diff.MovedIn:
		row.Detail = "from " + ui.Safe(found.Peer.Name)
	case diff.Reflagged:
		row.Detail = flagChange(found.Was, &found.Entry.FlagSet)
	}
	return row
}

// flagChange returns the flags and labels that came, with a plus, and those that went, with a
// minus.
func flagChange(was, is *manifest.FlagSet) string {
	var text strings.Builder
	add := func(sign string, in, notIn []string) {
		for _, word := range in {
			if !slices.Contains(notIn, word) {
				text.WriteString(" " + sign + ui.Safe(word))
			}
		}
	}
	add("+", is.Flags, was.Flags)
	add("−", was.Flags, is.Flags)
	add("+", labels(is.Labels), labels(was.Labels))
	add("−", labels(was.Labels), labels(is.Labels))
	return text.String()
}
