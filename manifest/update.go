package manifest

import (
	"iter"
	"maps"
	"slices"
	"sort"

	"github.com/mailstrata/mailstrata/mail"
)

// Changes are the changes of a mailbox since its pages were made.
type Changes struct {
	// Removed are UIDs that no longer exist. UIDs without a record have no effect.
	Removed mail.UIDSet

	// Flags are the current flag sets of messages whose flags changed. UIDs without a record have
	// no effect.
	Flags map[mail.UID]*FlagSet

	// Added are messages, ascending by UID. A message replaces the record with the same UID, if
	// any. Nil: none.
	Added iter.Seq2[Entry, error]
}

// Fill sets the pages, Messages and Bytes of the mailbox to those of old after the changes. A nil
// old is an empty mailbox.
func (mb *Mailbox) Fill(old *Mailbox, c Changes, load Load, put Put) error {
	if old == nil {
		old = &Mailbox{}
	}
	before, pieces, err := old.loadPages(load)
	if err != nil {
		return err
	}
	bytes := old.Bytes
	pages, grown, err := update(before, c, load, put)
	if err != nil {
		return err
	}
	if err := mb.setPagesAfter(pages, pieces, put); err != nil {
		return err
	}
	mb.Bytes = bytes + grown
	return nil
}

// update returns the pages of a mailbox after changes: those that it makes of the changed records
// from nothing. If an older version divided the old pages at its larger limit (pageLimit), update
// divides at the same limit. It loads an old page only if a change is in its range or if it is
// merged with another page, and puts only chunks that changed. grown is the growth of the mailbox
// in bytes.
//
// It holds about three pages at a time, besides the rows.
func update(old []Page, c Changes, load Load, put Put) (pages []Page, grown int64, err error) {
	if err := checkPartition(old); err != nil {
		return nil, 0, malformed("pages", err)
	}
	return updateAt(pageLimit(old), old, c, load, put)
}

func updateAt(limit int, old []Page, c Changes, load Load, put Put) (pages []Page, grown int64, err error) {
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
	pages, err = u.w.finish()
	return pages, u.grown, err
}

// updater merges old pages and changes, which all ascend.
type updater struct {
	w       *pageWriter
	removed []mail.UIDRange // that end at or after the start of the page
	flagged []mail.UID      // at or after the start of the page
	flags   map[mail.UID]*FlagSet
	next    func() (Entry, error, bool)
	fresh   Entry // the next added message, if more
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
	return u.addBefore(allUIDs.end())
}

// pull gets the next added message. The pageWriter checks that UIDs ascend.
func (u *updater) pull() (err error) {
	u.fresh, err, u.more = u.next()
	return err
}

// addBefore adds the new messages below a UID.
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

// touches reports whether a change is in the range of the page.
func (u *updater) touches(p Page) bool {
	first, end := uint64(p.Start), p.span().end()
	u.removed = u.removed[sort.Search(len(u.removed), func(i int) bool { return uint64(u.removed[i].Last) >= first }):]
	u.flagged = u.flagged[sort.Search(len(u.flagged), func(i int) bool { return uint64(u.flagged[i]) >= first }):]
	return len(u.removed) > 0 && uint64(u.removed[0].First) < end ||
		len(u.flagged) > 0 && uint64(u.flagged[0]) < end ||
		u.more && uint64(u.fresh.UID) < end
}

// rework gives the changed messages of an old page to the pageWriter.
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

// isRemoved reports whether a UID was removed. It is called with ascending UIDs.
func (u *updater) isRemoved(uid mail.UID) bool {
	for len(u.removed) > 0 && u.removed[0].Last < uid {
		u.removed = u.removed[1:]
	}
	return len(u.removed) > 0 && u.removed[0].Contains(uid)
}

// Regroup returns the pages of a mailbox that lost messages without an update, by repair or
// erasing: some of its pages are missing or hold fewer messages than before. Regroup loads the
// pages that it merges.
func Regroup(pages []Page, load Load, put Put) ([]Page, error) {
	w := newPageWriter(pageLimit(pages), load, put)
	for _, p := range pages {
		if err := w.addPage(p); err != nil {
			return nil, err
		}
	}
	return w.finish()
}
