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

// vanished holds the messages and mailboxes that vanished while the account was read. A survey and
// the reading after it are not of one moment. If a message moves out of a mailbox that is not read
// yet into one that was read already, this round misses it. The next round finds it, unless it has
// moved once more. So there are more rounds while messages vanish. If they do not end, no message
// that was seen in this run is dropped from the manifest for being gone.
type vanished struct {
	recorder *recorder
	catalog  *catalog
	moves    *moves.Index

	mu     sync.Mutex
	any    bool           // in some round, so that more rounds are worthwhile
	unread int64          // in the latest round: messages of a survey that were gone before they were read
	parts  []vanishedPart // that were recorded in this run

	mailboxes   []*manifest.Mailbox // missing from a survey, and not found under another name
	searchAgain bool                // some of them are new: another survey may list them
}

// uidSpace is a mailbox while its UIDs identify the same messages.
type uidSpace struct {
	raw      string
	validity uint32
}

// vanishedMessages are messages of one mailbox.
type vanishedMessages struct {
	mailbox *manifest.Mailbox
	entries []manifest.Entry
}

// vanishedPart is a mailbox, or some of its UIDs.
type vanishedPart struct {
	mailbox *manifest.Mailbox
	uids    *mail.UIDSet // nil: all
}

// missing returns the archived mailboxes that this survey or an earlier one lacks.
func (v *vanished) missing(survey *mail.Survey, before map[string]*manifest.Mailbox) []*manifest.Mailbox {
	return append(identity.Missing(survey, before), v.mailboxes...)
}

// update sets the mailboxes that the survey does not list under any name, and returns those that
// are newly missing. A listing is not of one moment, and may omit a mailbox that is being renamed.
func (v *vanished) update(vanished, renamed []*manifest.Mailbox) (lost []*manifest.Mailbox) {
	left := slices.DeleteFunc(vanished, func(m *manifest.Mailbox) bool { return slices.Contains(renamed, m) })
	v.searchAgain = false
	for _, m := range left {
		if m.Label || slices.Contains(v.mailboxes, m) {
			continue
		}
		lost = append(lost, m)
		v.searchAgain = v.searchAgain || m.Messages > 0
		if v.recorder.round > 0 && m.Messages > 0 {
			v.any = true
			v.parts = append(v.parts, vanishedPart{m, nil})
		}
	}
	v.mailboxes = left
	return lost
}

// addMailbox adds a mailbox that does not exist although a survey lists it.
func (v *vanished) addMailbox(m *manifest.Mailbox) {
	v.moves.Lost(m)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.mailboxes = append(v.mailboxes, m)
	if v.recorder.round > 0 {
		v.parts = append(v.parts, vanishedPart{m, nil})
	}
}

// addRound requests another round.
func (v *vanished) addRound() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.any = true
}

// add adds messages that were recorded in this run and are gone from a mailbox; without uids, all
// of them.
func (v *vanished) add(m *manifest.Mailbox, uids *mail.UIDSet) {
	if m.Messages == 0 || uids != nil && uids.Len() == 0 {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.any = true
	v.parts = append(v.parts, vanishedPart{m, uids})
}

// addUnread counts messages of a survey that were gone before they were read.
func (v *vanished) addUnread(messages int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.any = true
	v.unread += max(0, messages)
}

// reinstate is for an account that kept changing. It puts back messages that were recorded in this
// run and no mailbox has any more. They may have been deleted, or moved to a mailbox that was not
// read since.
func (v *vanished) reinstate(ctx context.Context) error {
	if !v.any {
		return nil
	}
	if err := v.catalog.writer.Flush(ctx); err != nil {
		return err
	}
	orphans, err := v.orphans(ctx)
	if err != nil {
		return err
	}
	var reinstated, orphaned int64
	for _, group := range orphans {
		m := v.mailboxFor(group.mailbox)
		if m == nil {
			orphaned += int64(len(group.entries))
			continue
		}
		reinstated += int64(len(group.entries))
		slices.SortFunc(group.entries, func(a, b manifest.Entry) int { return cmp.Compare(a.UID, b.UID) })
		added := func(yield func(manifest.Entry, error) bool) {
			for _, entry := range group.entries {
				if !yield(entry, nil) {
					return
				}
			}
		}
		was := *m
		if err := m.Fill(&was, manifest.Changes{Added: added}, v.catalog.load(ctx), v.catalog.put(ctx)); err != nil {
			return err
		}
		v.recorder.recorded[m.Raw] = m
	}
	v.recorder.warn("the account kept changing while it was read %d times. "+
		"Messages that were gone before they could be read: %d; messages that were read and then vanished: "+
		"%d, which are recorded where they were, and %d, whose mailbox is gone",
		v.recorder.round, v.unread, reinstated, orphaned)
	return nil
}

// mailboxFor returns the mailbox to put messages back into, which is no longer complete, or nil if
// another mailbox has its name.
func (v *vanished) mailboxFor(was *manifest.Mailbox) *manifest.Mailbox {
	now, there := v.recorder.recorded[was.Raw]
	switch {
	case !there:
		empty := was.WithoutPages()
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

// orphans returns the messages that vanished and are in no mailbox, each content once.
func (v *vanished) orphans(ctx context.Context) (map[uidSpace]*vanishedMessages, error) {
	gone := make(map[chunk.ID]bool)
	err := v.each(ctx, func(_ *manifest.Mailbox, entry *manifest.Entry) { gone[entry.Hash] = true })
	if err != nil {
		return nil, err
	}
	for raw, m := range v.recorder.recorded {
		if before := v.recorder.before[raw]; len(gone) == 0 || before != nil && before.HasSamePages(m) {
			continue
		}
		for entry, err := range m.Entries(v.catalog.load(ctx)) {
			if err != nil {
				return nil, err
			}
			delete(gone, entry.Hash)
		}
	}
	orphans := make(map[uidSpace]*vanishedMessages)
	err = v.each(ctx, func(m *manifest.Mailbox, entry *manifest.Entry) {
		if !gone[entry.Hash] {
			return
		}
		delete(gone, entry.Hash)
		from := uidSpace{m.Raw, m.UIDValidity()}
		if orphans[from] == nil {
			orphans[from] = &vanishedMessages{mailbox: m}
		}
		orphans[from].entries = append(orphans[from].entries, *entry)
	})
	return orphans, err
}

// each calls do with each message that vanished, the latest first.
func (v *vanished) each(ctx context.Context, do func(*manifest.Mailbox, *manifest.Entry)) error {
	for _, part := range slices.Backward(v.parts) {
		pages, err := part.mailbox.AllPages(v.catalog.load(ctx))
		if err != nil {
			return err
		}
		for _, page := range pages {
			first, last := page.Range()
			if part.uids != nil &&
				part.uids.In(mail.UIDRange{First: mail.UID(first), Last: mail.UID(last)}).Len() == 0 {
				continue
			}
			entries, err := page.Entries(v.catalog.load(ctx))
			if err != nil {
				return err
			}
			for i := range entries {
				if part.uids == nil || part.uids.Contains(entries[i].UID) {
					do(part.mailbox, &entries[i])
				}
			}
		}
	}
	return nil
}
