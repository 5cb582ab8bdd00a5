package backup

import (
	"cmp"
	"context"
	"slices"

	"github.com/mailstrata/mailstrata/backup/identity"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// departures are what left its place while the account was read. A survey and what is read after it are not of one moment:
// a message that is moved ahead of the reader, from a mailbox that is not read yet into one that is, or out of one before it
// is opened, is missed in that round. The next one finds it, unless it has moved once more; so rounds go on while there are
// departures, and where they do not end, nothing that was seen in this run is dropped from its record for being gone.
type departures struct {
	seen    bool        // in some round; then more rounds are worth it
	early   int64       // in the latest round, messages of a survey that had left before they were read
	sources []departure // that were recorded in this run

	strays []*manifest.Mailbox // gone from a survey, and not found under another name
	search bool                // there are new ones: another survey may list them
}

// lookedFor are the recorded mailboxes that a survey lacks, and those that an earlier one lacked.
func (w *walk) lookedFor(survey *mail.Survey, before map[string]*manifest.Mailbox) []*manifest.Mailbox {
	return append(identity.Missing(survey, before), w.departures.strays...)
}

// notFound takes note of mailboxes that this survey shows under no other name, and gives those that are newly missed: a
// listing is not of one moment, and may have passed by a mailbox that was being renamed.
func (w *walk) notFound(vanished, renamed []*manifest.Mailbox) (lost []*manifest.Mailbox) {
	d := &w.departures
	left := slices.DeleteFunc(vanished, func(m *manifest.Mailbox) bool { return slices.Contains(renamed, m) })
	d.search = false
	for _, m := range left {
		if m.Label || slices.Contains(d.strays, m) {
			continue
		}
		lost = append(lost, m)
		d.search = d.search || m.Messages > 0
		if w.round > 0 && m.Messages > 0 {
			d.seen = true
			d.sources = append(d.sources, departure{m, nil})
		}
	}
	d.strays = left
	return lost
}

// stray is a mailbox that turned out not to be there while a survey lists it.
func (w *walk) stray(m *manifest.Mailbox) {
	w.moves.Lost(m)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.departures.strays = append(w.departures.strays, m)
	if w.round > 0 {
		w.departures.sources = append(w.departures.sources, departure{m, nil})
	}
}

// leave tells that messages which were recorded in this run are gone from a mailbox; without UIDs, all of it.
func (w *walk) leave(m *manifest.Mailbox, uids *mail.UIDSet) {
	if m.Messages == 0 || uids != nil && uids.Len() == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.departures.seen = true
	w.departures.sources = append(w.departures.sources, departure{m, uids})
}

// leftEarly tells that messages which a survey had counted were gone when they were to be read.
func (w *walk) leftEarly(messages int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.departures.seen = true
	w.departures.early += max(0, messages)
}

// bringBack is for an account that did not come to rest: what was recorded in this run, and is nowhere in the record any
// more, is put back to where it was. It may have been moved to where nobody has looked since, or deleted.
func (w *walk) bringBack(ctx context.Context) error {
	if !w.departures.seen {
		return nil
	}
	if err := w.writer.Flush(ctx); err != nil {
		return err
	}
	missed, err := w.missed(ctx)
	if err != nil {
		return err
	}
	var back, homeless int64
	for _, those := range missed {
		m := w.home(those.mailbox)
		if m == nil {
			homeless += int64(len(those.entries))
			continue
		}
		back += int64(len(those.entries))
		slices.SortFunc(those.entries, func(a, b manifest.Entry) int { return cmp.Compare(a.UID, b.UID) })
		added := func(yield func(manifest.Entry, error) bool) {
			for _, entry := range those.entries {
				if !yield(entry, nil) {
					return
				}
			}
		}
		was := *m
		if err := m.Fill(&was, manifest.Changes{Added: added}, w.load(ctx), w.put(ctx)); err != nil {
			return err
		}
		w.recorded[m.Raw] = m
	}
	w.warn("the account did not come to rest while it was read %d times over. Messages that were gone before they could be read: %d; read, gone, and not seen elsewhere since: %d, which are recorded where they were; and without such a place: %d",
		w.round, w.departures.early, back, homeless)
	return nil
}

// home is the recorded mailbox that messages can be put back to, which is not complete then; nil: another one has its name.
func (w *walk) home(was *manifest.Mailbox) *manifest.Mailbox {
	now, there := w.recorded[was.Raw]
	switch {
	case !there:
		empty := *was
		empty.Pages, empty.Lists, empty.Messages, empty.Bytes = nil, nil, 0, 0
		empty.Erased = mail.UIDSet{}
		empty.Complete, empty.Inherited = false, true
		return &empty
	case !now.Selectable() || now.UIDValidity() != was.UIDValidity():
		return nil
	}
	same := *now
	same.Complete = false
	return &same
}

// origin is a mailbox, as long as its UIDs mean the same.
type origin struct {
	raw      string
	validity uint32
}

// leavers are messages of one origin.
type leavers struct {
	mailbox *manifest.Mailbox
	entries []manifest.Entry
}

// missed finds what departed and is nowhere in what was read since, each content once.
func (w *walk) missed(ctx context.Context) (map[origin]*leavers, error) {
	gone := make(map[chunk.ID]bool)
	err := w.departed(ctx, func(_ *manifest.Mailbox, entry *manifest.Entry) { gone[entry.Hash] = true })
	if err != nil {
		return nil, err
	}
	for raw, m := range w.recorded {
		if before := w.before[raw]; len(gone) == 0 || before != nil && slices.Equal(before.Pages, m.Pages) && slices.Equal(before.Lists, m.Lists) {
			continue
		}
		for entry, err := range m.Entries(w.load(ctx)) {
			if err != nil {
				return nil, err
			}
			delete(gone, entry.Hash)
		}
	}
	missed := make(map[origin]*leavers)
	err = w.departed(ctx, func(m *manifest.Mailbox, entry *manifest.Entry) {
		if !gone[entry.Hash] {
			return
		}
		delete(gone, entry.Hash)
		from := origin{m.Raw, m.UIDValidity()}
		if missed[from] == nil {
			missed[from] = &leavers{mailbox: m}
		}
		missed[from].entries = append(missed[from].entries, *entry)
	})
	return missed, err
}

// departed calls do with each message that departed, the latest first.
func (w *walk) departed(ctx context.Context, do func(*manifest.Mailbox, *manifest.Entry)) error {
	for _, s := range slices.Backward(w.departures.sources) {
		pages, err := s.mailbox.AllPages(w.load(ctx))
		if err != nil {
			return err
		}
		for _, page := range pages {
			first, last := page.Range()
			if s.uids != nil && s.uids.In(mail.UIDRange{First: mail.UID(first), Last: mail.UID(last)}).Len() == 0 {
				continue
			}
			entries, err := page.Entries(w.load(ctx))
			if err != nil {
				return err
			}
			for i := range entries {
				if s.uids == nil || s.uids.Contains(entries[i].UID) {
					do(s.mailbox, &entries[i])
				}
			}
		}
	}
	return nil
}

// takeAlong gives what failed in a mailbox its new name.
func (w *walk) takeAlong(from, to string) {
	if from == to {
		return
	}
	failures := slices.Clone(w.failures[from])
	for i := range failures {
		failures[i].Mailbox = to
	}
	if len(failures) > 0 {
		w.failures[to] = failures
	}
	delete(w.failures, from)
}

// departure is where messages are gone from: a mailbox, or some of its UIDs.
type departure struct {
	mailbox *manifest.Mailbox
	uids    *mail.UIDSet // nil: all
}

// nominate begins a round: it decides whether ids prove anything, and takes mailboxes that are lost for sources.
// Where the last run was interrupted, what it found to have left its place is only in the manifest before it.
func (w *walk) nominate(ctx context.Context, survey *mail.Survey, before map[string]*manifest.Mailbox, lost []*manifest.Mailbox) error {
	w.moves.Begin(w.before, w.isForeign(w.parent) || w.isForeign(w.basis) || identity.IsRenumbered(survey, before))
	for _, mailbox := range lost {
		w.moves.Lost(mailbox)
	}
	if w.parent == nil || w.parent.State == manifest.Complete || w.basis == nil || w.comparedBasis {
		return nil
	}
	w.comparedBasis = true
	earlier, err := w.mailboxes(ctx, w.basis)
	if err != nil {
		return err
	}
	for raw, mailbox := range earlier {
		if now := before[raw]; now == nil || !slices.Equal(now.Pages, mailbox.Pages) || !slices.Equal(now.Lists, mailbox.Lists) {
			w.moves.Lost(mailbox)
		}
	}
	return nil
}
