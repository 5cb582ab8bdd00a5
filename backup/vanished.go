package backup

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/mailstrata/mailstrata/backup/identity"
	"github.com/mailstrata/mailstrata/backup/moves"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// vanished is what left its place while the account was read. A survey and what is read after it are not of one moment:
// a message that is moved ahead of the reader, from a mailbox that is not read yet into one that is, or out of one before it
// is opened, is missed in that round. The next one finds it, unless it has moved once more; so rounds go on while there are
// departures, and where they do not end, nothing that was seen in this run is dropped from its record for being gone.
type vanished struct {
	record  *recorder
	catalog *catalog
	moves   *moves.Index

	mu      sync.Mutex
	seen    bool        // in some round; then more rounds are worth it
	early   int64       // in the latest round, messages of a survey that had left before they were read
	sources []departure // that were recorded in this run

	strays []*manifest.Mailbox // gone from a survey, and not found under another name
	search bool                // there are new ones: another survey may list them
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

// departure is where messages are gone from: a mailbox, or some of its UIDs.
type departure struct {
	mailbox *manifest.Mailbox
	uids    *mail.UIDSet // nil: all
}

// lookedFor are the recorded mailboxes that a survey lacks, and those that an earlier one lacked.
func (v *vanished) lookedFor(survey *mail.Survey, before map[string]*manifest.Mailbox) []*manifest.Mailbox {
	return append(identity.Missing(survey, before), v.strays...)
}

// notFound takes note of mailboxes that this survey shows under no other name, and gives those that are newly missed: a
// listing is not of one moment, and may have passed by a mailbox that was being renamed.
func (v *vanished) notFound(vanished, renamed []*manifest.Mailbox) (lost []*manifest.Mailbox) {
	left := slices.DeleteFunc(vanished, func(m *manifest.Mailbox) bool { return slices.Contains(renamed, m) })
	v.search = false
	for _, m := range left {
		if m.Label || slices.Contains(v.strays, m) {
			continue
		}
		lost = append(lost, m)
		v.search = v.search || m.Messages > 0
		if v.record.round > 0 && m.Messages > 0 {
			v.seen = true
			v.sources = append(v.sources, departure{m, nil})
		}
	}
	v.strays = left
	return lost
}

// stray is a mailbox that turned out not to be there while a survey lists it.
func (v *vanished) stray(m *manifest.Mailbox) {
	v.moves.Lost(m)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.strays = append(v.strays, m)
	if v.record.round > 0 {
		v.sources = append(v.sources, departure{m, nil})
	}
}

// note notes that messages vanished, and more rounds are worth it.
func (v *vanished) note() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.seen = true
}

// leave tells that messages which were recorded in this run are gone from a mailbox; without UIDs, all of it.
func (v *vanished) leave(m *manifest.Mailbox, uids *mail.UIDSet) {
	if m.Messages == 0 || uids != nil && uids.Len() == 0 {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.seen = true
	v.sources = append(v.sources, departure{m, uids})
}

// leftEarly tells that messages which a survey had counted were gone when they were to be read.
func (v *vanished) leftEarly(messages int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.seen = true
	v.early += max(0, messages)
}

// bringBack is for an account that did not come to rest: what was recorded in this run, and is nowhere in the record any
// more, is put back to where it was. It may have been moved to where nobody has looked since, or deleted.
func (v *vanished) bringBack(ctx context.Context) error {
	if !v.seen {
		return nil
	}
	if err := v.catalog.writer.Flush(ctx); err != nil {
		return err
	}
	missed, err := v.missed(ctx)
	if err != nil {
		return err
	}
	var back, homeless int64
	for _, those := range missed {
		m := v.home(those.mailbox)
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
		if err := m.Fill(&was, manifest.Changes{Added: added}, v.catalog.load(ctx), v.catalog.put(ctx)); err != nil {
			return err
		}
		v.record.recorded[m.Raw] = m
	}
	v.record.warn("the account did not come to rest while it was read %d times over. Messages that were gone before they could be read: %d; read, gone, and not seen elsewhere since: %d, which are recorded where they were; and without such a place: %d",
		v.record.round, v.early, back, homeless)
	return nil
}

// home is the recorded mailbox that messages can be put back to, which is not complete then; nil: another one has its name.
func (v *vanished) home(was *manifest.Mailbox) *manifest.Mailbox {
	now, there := v.record.recorded[was.Raw]
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

// missed finds what departed and is nowhere in what was read since, each content once.
func (v *vanished) missed(ctx context.Context) (map[origin]*leavers, error) {
	gone := make(map[chunk.ID]bool)
	err := v.departed(ctx, func(_ *manifest.Mailbox, entry *manifest.Entry) { gone[entry.Hash] = true })
	if err != nil {
		return nil, err
	}
	for raw, m := range v.record.recorded {
		if before := v.record.before[raw]; len(gone) == 0 || before != nil && slices.Equal(before.Pages, m.Pages) && slices.Equal(before.Lists, m.Lists) {
			continue
		}
		for entry, err := range m.Entries(v.catalog.load(ctx)) {
			if err != nil {
				return nil, err
			}
			delete(gone, entry.Hash)
		}
	}
	missed := make(map[origin]*leavers)
	err = v.departed(ctx, func(m *manifest.Mailbox, entry *manifest.Entry) {
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
func (v *vanished) departed(ctx context.Context, do func(*manifest.Mailbox, *manifest.Entry)) error {
	for _, s := range slices.Backward(v.sources) {
		pages, err := s.mailbox.AllPages(v.catalog.load(ctx))
		if err != nil {
			return err
		}
		for _, page := range pages {
			first, last := page.Range()
			if s.uids != nil && s.uids.In(mail.UIDRange{First: mail.UID(first), Last: mail.UID(last)}).Len() == 0 {
				continue
			}
			entries, err := page.Entries(v.catalog.load(ctx))
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
