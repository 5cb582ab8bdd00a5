package compare

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// Catalog reads what is recorded of a mailbox.
type Catalog struct {
	Load manifest.Load // fetches a chunk

	// Ahead fetches together what Load will be asked for next: the chunks of pages. It need not
	// fetch all.
	Ahead func([]manifest.Page)
}

// Change is what happened to a mailbox since it was recorded.
type Change struct {
	Gone  mail.UIDSet
	Flags map[mail.UID]*manifest.FlagSet // of messages whose flags changed, or may have
	Fresh mail.UIDSet                    // to be downloaded, if they exist

	maxListed int64 // how many messages the server may list
	listed    int64 // how many it has listed so far
	ranges    int   // ranges of UIDs that exist and are not recorded, so far

	sets map[string]*manifest.FlagSet // each distinct set once, because mailboxes have few

	Differing mail.UIDSet // messages of Fresh that are recorded with another size or date
	Narrowed  bool        // the UIDs in Fresh exist, or are few

	Unmoved bool // flags changed, and the mod-sequence of their message did not

	Unknown source.Unknown // what the server did not give; what is recorded stays
}

// New returns a Change that has no changes yet. old is the mailbox as it is archived, or nil; found
// is the one that the server has.
func New(old, found *manifest.Mailbox) *Change {
	c := &Change{Flags: make(map[mail.UID]*manifest.FlagSet), sets: make(map[string]*manifest.FlagSet)}
	if old != nil {
		c.maxListed = max(old.Messages, int64(found.Status.Messages)) + maxArrived
	}
	return c
}

// maxArrived is how many messages may arrive in a mailbox after its messages were counted.
const maxArrived = 1 << 18

// errTooMany reports that a server lists more messages than there can be.
var errTooMany = fmt.Errorf("%w: the server lists more messages than it says the mailbox has", mail.ErrFlood)

// flagSet returns the flags of a message. Messages with the same flags share one set.
func (c *Change) flagSet(message mail.Message) *manifest.FlagSet {
	key := strings.Join(message.Flags, "\x00") + "\x00\x00" + strings.Join(message.Labels, "\x00")
	set, ok := c.sets[key]
	if !ok {
		set = &manifest.FlagSet{Flags: message.Flags, Labels: message.Labels}
		c.sets[key] = set
	}
	return set
}

// note records what the server does not give of a recorded message. A date that is no date is no
// news: it was reported when the message was archived.
func (c *Change) note(message mail.Message) {
	if message.Lacks != 0 {
		c.Unknown.Add(message)
	}
}

// completed returns flags with those of the record in place of what the server does not give.
func (c *Change) completed(now *manifest.FlagSet, lacks mail.Lack, entry *manifest.Entry) *manifest.FlagSet {
	message := mail.Message{Flags: now.Flags, Labels: now.Labels}
	if lacks&mail.LacksFlags != 0 {
		message.Flags = entry.Flags
	}
	if lacks&mail.LacksLabels != 0 {
		message.Labels = entry.Labels
	}
	return c.flagSet(message)
}

// Ask asks the server what changed since the recorded mod-sequence: flags with CHANGEDSINCE, and
// removals with VANISHED or, if the server lacks it, with the UIDs that exist.
func (c *Change) Ask(
	ctx context.Context, session *source.Session, old, found *manifest.Mailbox, catalog Catalog,
) error {
	known := mail.UIDRange{First: 1, Last: LastUID(old)}
	var present *mail.UIDSet
	err := session.Ask(ctx, func(view source.View) error {
		clear(c.Flags)
		c.Unknown = source.Unknown{}
		gone, complete, err := view.Changes(ctx, known, old.Status.HighestModSeq, func(message mail.Message) error {
			if c.note(message); message.Lacks != 0 {
				return nil
			}
			c.Flags[message.UID] = c.flagSet(message)
			if int64(len(c.Flags)) > c.maxListed {
				return errTooMany
			}
			return nil
		})
		if err != nil || complete {
			c.Gone = gone
			return err
		}
		there, err := view.UIDs(ctx, known)
		present = &there
		return err
	})
	if err != nil {
		return err
	}
	c.addBeyond(known.Last, found)
	if present != nil {
		c.addGone(old.Erased.Without(*present))
	}
	return c.reconcile(old, present, catalog)
}

// addBeyond adds the UIDs after the last known one to Fresh.
func (c *Change) addBeyond(known mail.UID, found *manifest.Mailbox) {
	if known < math.MaxUint32 {
		c.Fresh.AddRange(mail.UIDRange{First: known + 1, Last: LastUID(found)})
	}
}

// reconcile compares the archived mailbox with the UIDs that are present, if these were requested,
// and with the messages that changed. Recorded messages that are not present are gone. Other
// messages that the server reports are fresh, even below the last UIDNEXT. Only pages that differ
// are loaded.
func (c *Change) reconcile(old *manifest.Mailbox, present *mail.UIDSet, catalog Catalog) error {
	changed := mail.UIDs(slices.Collect(maps.Keys(c.Flags))...)
	reported := changed
	if present != nil {
		reported = *present
	}
	reported = reported.Without(old.Erased)
	pages, err := old.AllPages(catalog.Load)
	if err != nil {
		return err
	}
	next := uint64(1)
	var differing, touched []manifest.Page
	for _, page := range pages {
		span := spanOf(page)
		c.addUnrecorded(reported, next, uint64(span.First))
		next = uint64(span.Last) + 1
		differs := changed.In(span).Len() > 0 || present != nil && reported.In(span).Len() != int64(page.Messages)
		if differs {
			differing = append(differing, page)
		}
		if differs || c.Gone.In(span).Len() > 0 {
			touched = append(touched, page)
		}
	}
	c.addUnrecorded(reported, next, uint64(LastUID(old))+1)
	catalog.Ahead(touched) // pages that only lost messages are loaded when the mailbox is filled
	for _, page := range differing {
		if err := c.reconcilePage(page, present != nil, reported.In(spanOf(page)), catalog.Load); err != nil {
			return err
		}
	}
	return nil
}

// spanOf returns the UIDs that a page is for.
func spanOf(page manifest.Page) mail.UIDRange {
	return mail.UIDRange{First: mail.UID(page.Start), Last: mail.UID(uint64(page.Start) + 1<<page.Bits - 1)}
}

// addUnrecorded adds to Fresh the reported UIDs from from up to but not including to, where nothing
// is recorded.
func (c *Change) addUnrecorded(reported mail.UIDSet, from, to uint64) {
	if from < to {
		for r := range reported.In(mail.UIDRange{First: mail.UID(from), Last: mail.UID(to - 1)}).Ranges() {
			c.Fresh.AddRange(r)
		}
	}
}

// reconcilePage compares a page with the reported UIDs of its range. If all is true, no other
// messages exist.
func (c *Change) reconcilePage(page manifest.Page, all bool, reported mail.UIDSet, load manifest.Load) error {
	entries, err := page.Entries(load)
	if err != nil {
		return err
	}
	recorded := make(map[mail.UID]bool, len(entries))
	for _, entry := range entries {
		recorded[entry.UID] = true
		if all && !reported.Contains(entry.UID) {
			c.Gone.Add(entry.UID)
		}
	}
	for uid := range reported.All() {
		if !recorded[uid] {
			c.Fresh.Add(uid)
		}
	}
	return nil
}

// batchSize is how many messages are compared at a time. It bounds the memory; each batch costs a
// round trip.
const batchSize = 64 * manifest.MaxPageRecords

// pagesAhead is how many pages are fetched together while all of a mailbox are read.
const pagesAhead = 4096

// batches yields the entries of a mailbox in batches.
func batches(m *manifest.Mailbox, catalog Catalog) iter.Seq2[[]manifest.Entry, error] {
	return func(yield func([]manifest.Entry, error) bool) {
		pages, err := m.AllPages(catalog.Load)
		if err != nil {
			yield(nil, err)
			return
		}
		ahead := func() {
			n := min(len(pages), pagesAhead)
			catalog.Ahead(pages[:n])
			pages = pages[n:]
		}
		ahead()
		var entries []manifest.Entry
		for entry, err := range m.Entries(catalog.Load) {
			if err != nil {
				yield(nil, err)
				return
			}
			if len(pages) > 0 && uint32(entry.UID) >= pages[0].Start {
				ahead()
			}
			if entries = append(entries, *entry); len(entries) == batchSize {
				if !yield(entries, nil) {
					return
				}
				entries = nil
			}
		}
		if len(entries) > 0 {
			yield(entries, nil)
		}
	}
}

// CompareFlags reads the flags of all messages and compares them with those archived. Messages that
// exist but are not recorded, because they failed before, are fresh.
func (c *Change) CompareFlags(
	ctx context.Context, session *source.Session, old, found *manifest.Mailbox, catalog Catalog,
) error {
	next := mail.UID(1)
	for entries, err := range batches(old, catalog) {
		if err != nil {
			return err
		}
		span := mail.UIDRange{First: next, Last: entries[len(entries)-1].UID}
		next = span.Last + 1
		ask := source.View.Facts
		err := session.Ask(ctx, func(view source.View) error {
			err := c.compareRange(ask(view, ctx, span), entries, span, old)
			if errors.Is(err, mail.ErrTemporary) {
				ask = source.View.Flags // the size of one message may cost the connection: read without sizes
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	if last := lastOf(old.Erased); last >= next {
		span := mail.UIDRange{First: next, Last: last}
		err := session.Ask(ctx, func(view source.View) error { return c.compareRange(view.Flags(ctx, span), nil, span, old) })
		if err != nil {
			return err
		}
		next = last + 1
	}
	c.addBeyond(next-1, found)
	return nil
}

// compareRange compares the recorded entries of a range of UIDs with what the server reports now.
// If flags changed, the mod-sequence must be higher than the recorded one: otherwise the server's
// mod-sequences mean nothing. A message with another size or date may be another message: it
// becomes fresh too, and its record stays until there is a better one.
//
// Only recorded messages are held one by one. The UIDs of others are held as ranges, because a
// server can list any number of them.
func (c *Change) compareRange(
	now iter.Seq2[mail.Message, error], entries []manifest.Entry, span mail.UIDRange, old *manifest.Mailbox,
) error {
	type flagged struct {
		*manifest.FlagSet
		mail.Message
	}
	present := make(map[mail.UID]flagged, len(entries))
	var fresh uidCollector
	var erased mail.UIDSet
	listed := c.listed
	for message, err := range now {
		uid := message.UID
		if err != nil {
			return err
		}
		if listed++; listed > c.maxListed {
			return errTooMany
		}
		_, recorded := slices.BinarySearchFunc(entries, uid, byUID)
		switch {
		case !span.Contains(uid):
		case recorded:
			c.note(message)
			set := c.flagSet(message)
			message.Flags, message.Labels = nil, nil
			present[uid] = flagged{set, message}
		case old.Erased.Contains(uid):
			erased.Add(uid)
		default:
			if err := fresh.add(uid, c.ranges); err != nil {
				return err
			}
		}
	}
	for _, entry := range entries {
		now, ok := present[entry.UID]
		if now.Lacks != 0 {
			now.FlagSet = c.completed(now.FlagSet, now.Lacks, &entry)
		}
		switch {
		case !ok:
			c.Gone.Add(entry.UID)
		case !now.FlagSet.Flags.Equal(entry.Flags) || !slices.Equal(now.FlagSet.Labels, entry.Labels):
			c.Flags[entry.UID] = now.FlagSet
			c.Unmoved = c.Unmoved || 0 < now.ModSeq && now.ModSeq <= old.Status.HighestModSeq
		}
		if ok && differs(now.Message, &entry.Record) {
			c.Differing.Add(entry.UID)
			c.Fresh.Add(entry.UID)
		}
	}
	c.Gone = c.Gone.Union(old.Erased.In(span).Without(erased))
	c.Fresh = c.Fresh.Union(fresh.set())
	c.listed, c.ranges = listed, c.ranges+fresh.ranges
	return nil
}

func byUID(e manifest.Entry, uid mail.UID) int { return cmp.Compare(e.UID, uid) }

// differs reports whether a message has another size or date than the record under its UID. It
// ignores what the server does not give.
func differs(now mail.Message, was *manifest.Record) bool {
	return now.Size > 0 && now.Size != was.ServerSize() ||
		now.Internal.IsReadable() && !now.Internal.SameInstant(was.Internal)
}

// LastUID returns the highest UID that an archived mailbox can have. Ranges are closed, because
// "n:*" returns the last message even if its UID is below n (RFC 9051 section 6.4.9), and because
// later messages belong to the next round.
func LastUID(m *manifest.Mailbox) mail.UID {
	return mail.UID(m.Status.UIDNext - 1) // if UIDNEXT is unknown, 0, this is the highest UID
}

// KeepErased records the erased UIDs that the server still has, so that they are not fresh.
func (c *Change) KeepErased(old, found *manifest.Mailbox) {
	if old == nil {
		return
	}
	found.Erased = old.Erased.Without(c.Gone)
	c.Fresh = c.Fresh.Without(found.Erased)
}

// addGone adds messages that are gone.
func (c *Change) addGone(uids mail.UIDSet) { c.Gone = c.Gone.Union(uids) }

// lastOf returns the highest UID of a set, or 0 if the set is empty.
func lastOf(uids mail.UIDSet) (last mail.UID) {
	for r := range uids.Ranges() {
		last = r.Last
	}
	return last
}
