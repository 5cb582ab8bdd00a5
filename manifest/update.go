package manifest

import (
	"iter"
	"maps"
	"slices"
	"sort"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
)

// Changes are what happened to a mailbox since its pages were made.
type Changes struct {
	// Removed are UIDs that are gone. Those that are not recorded do not matter.
	Removed mail.UIDSet

	// Flags are the flag sets that messages have now. UIDs that are not recorded do not matter.
	Flags map[mail.UID]*FlagSet

	// Added are messages, ascending by UID. One whose UID is recorded, removed or not, replaces the record. Nil: none.
	Added iter.Seq2[Entry, error]
}

// Fill sets the mailbox's pages (inline or in lists), Messages and Bytes to what old has after the changes. A nil old is
// an empty mailbox.
func (mb *Mailbox) Fill(old *Mailbox, c Changes, load func(chunk.ID) ([]byte, error), put func([]byte) (chunk.ID, error)) error {
	if old == nil {
		old = &Mailbox{}
	}
	before, lists, err := old.allPages(load)
	if err != nil {
		return err
	}
	bytes := old.Bytes
	pages, grown, err := Update(before, c, load, put)
	if err != nil {
		return err
	}
	if err := mb.setPages(pages, lists, put); err != nil {
		return err
	}
	mb.Bytes = bytes + grown
	return nil
}

// Update returns the pages of a mailbox after changes: the very pages that a Paginator makes of the records as they are
// then, or, where an older program made them, with its limit. Old pages are loaded only if a change lies in their range, or if they become one page with a neighbour. What is
// the same as in an old page keeps its ID, without a call of put. grown is by how many bytes the messages are more.
//
// It holds some three pages at a time, besides the rows.
func Update(old []Page, c Changes, load func(chunk.ID) ([]byte, error), put func([]byte) (chunk.ID, error)) (pages []Page, grown int64, err error) {
	if err := checkPartition(old); err != nil {
		return nil, 0, malformed("pages", err)
	}
	return update(pageLimit(old), old, c, load, put)
}

func update(limit int, old []Page, c Changes, load func(chunk.ID) ([]byte, error), put func([]byte) (chunk.ID, error)) (pages []Page, grown int64, err error) {
	added := c.Added
	if added == nil {
		added = func(func(Entry, error) bool) {}
	}
	next, stop := iter.Pull2(added)
	defer stop()
	u := &updater{
		w:       newPageWriter(limit, load, put),
		removed: slices.Collect(c.Removed.Ranges()),
		flagged: slices.Sorted(maps.Keys(c.Flags)),
		flags:   c.Flags,
		next:    next,
	}
	if err := u.run(old); err != nil {
		return nil, 0, err
	}
	pages, err = u.w.close()
	return pages, u.grown, err
}

// updater walks old pages and changes, all ascending, in step.
type updater struct {
	w       *pageWriter
	removed []mail.UIDRange // those that end at or after the page
	flagged []mail.UID      // those at or after the page
	flags   map[mail.UID]*FlagSet
	next    func() (Entry, error, bool)
	fresh   Entry // the next one added, if more
	more    bool
	grown   int64
}

func (u *updater) run(old []Page) error {
	if err := u.pull(); err != nil {
		return err
	}
	for _, p := range old {
		if err := u.addBefore(uint64(p.Start)); err != nil {
			return err
		}
		if !u.touches(p) {
			if err := u.w.addPage(p); err != nil {
				return err
			}
			continue
		}
		if err := u.rework(p); err != nil {
			return err
		}
	}
	return u.addBefore(whole.end())
}

// pull gets the next added message. That UIDs ascend, the pageWriter sees to.
func (u *updater) pull() (err error) {
	u.fresh, err, u.more = u.next()
	return err
}

// addBefore adds what is new below a UID.
func (u *updater) addBefore(uid uint64) error {
	for u.more && uint64(u.fresh.UID) < uid {
		u.grown += u.fresh.Size
		if err := u.w.addEntry(u.fresh, nil); err != nil {
			return err
		}
		if err := u.pull(); err != nil {
			return err
		}
	}
	return nil
}

// touches tells whether any change lies in the page's range.
func (u *updater) touches(p Page) bool {
	first, end := uint64(p.Start), p.span().end()
	u.removed = u.removed[sort.Search(len(u.removed), func(i int) bool { return uint64(u.removed[i].Last) >= first }):]
	u.flagged = u.flagged[sort.Search(len(u.flagged), func(i int) bool { return uint64(u.flagged[i]) >= first }):]
	return len(u.removed) > 0 && uint64(u.removed[0].First) < end ||
		len(u.flagged) > 0 && uint64(u.flagged[0]) < end ||
		u.more && uint64(u.fresh.UID) < end
}

// rework gives the messages of an old page, after the changes, to the pageWriter.
func (u *updater) rework(p Page) error {
	entries, err := p.Entries(u.w.load)
	if err != nil {
		return err
	}
	state := &pageState{page: p}
	for i := range entries {
		if set := u.flags[entries[i].UID]; set != nil && !set.Equal(entries[i].FlagSet) {
			entries[i].FlagSet = *set
			state.flagsChanged = true
		}
	}
	for i := range entries {
		e := &entries[i]
		if err := u.addBefore(uint64(e.UID)); err != nil {
			return err
		}
		replaced := u.more && u.fresh.UID == e.UID
		if replaced || u.isRemoved(e.UID) {
			u.grown -= e.Size
			continue
		}
		if err := u.w.addEntry(*e, state); err != nil {
			return err
		}
	}
	return u.addBefore(p.span().end())
}

// isRemoved is asked of ascending UIDs.
func (u *updater) isRemoved(uid mail.UID) bool {
	for len(u.removed) > 0 && u.removed[0].Last < uid {
		u.removed = u.removed[1:]
	}
	return len(u.removed) > 0 && u.removed[0].Contains(uid)
}

// Regroup returns the pages of a mailbox that has lost messages otherwise than by an Update: pages that were the right ones
// for all of them, some of which are missing now, or hold fewer. Pages are loaded if they become one with a neighbour.
func Regroup(pages []Page, load func(chunk.ID) ([]byte, error), put func([]byte) (chunk.ID, error)) ([]Page, error) {
	w := newPageWriter(pageLimit(pages), load, put)
	for _, p := range pages {
		if err := w.addPage(p); err != nil {
			return nil, err
		}
	}
	return w.close()
}
