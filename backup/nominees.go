package backup

import (
	"context"
	"encoding/binary"
	"hash/maphash"
	"slices"
	"sync"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/backup/identity"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// nominees are archived messages that may be what arrives in a mailbox: their ids say so; or their sizes and dates do, of
// mailboxes that vanished, were renumbered, or are unproven, and of messages without an id that left. They are looked for
// where messages left, and elsewhere only as far as it costs little beside what has arrived (design, "Moved and copied").
//
// Of each is kept no more than where its record is: some 40 bytes.
type nominees struct {
	walk *walk
	seed maphash.Seed

	mu      sync.Mutex
	void    bool // ids prove nothing in this run
	foreign bool // ids are another server's, and say nothing about what is archived
	arrived int64
	sources []departure // not looked through yet
	basis   bool        // what the manifest before a checkpoint has was looked at
	others  bool        // the rest of the account was looked through, or is not to be
	pages   []manifest.Page
	places  map[uint64]whereabouts // by a hash of the id
}

// departure is where messages are gone from: a mailbox, or some of its UIDs.
type departure struct {
	mailbox *manifest.Mailbox
	uids    *mail.UIDSet // nil: all
}

// whereabouts are those of a record. An id that is recorded of two bodies leads nowhere.
type whereabouts struct {
	page  int32 // -1: none
	index int16
	hash  uint64 // the beginning of the message's hash
}

const (
	// nomineesAtMost bounds the memory.
	nomineesAtMost = 1 << 19

	// recordBytes is about what a record costs to be read, and worthwhile how many times cheaper reading records must
	// be than downloading all that has arrived.
	recordBytes = 200
	worthwhile  = 8
)

func newNominees(w *walk) *nominees {
	return &nominees{walk: w, seed: maphash.MakeSeed(), places: make(map[uint64]whereabouts)}
}

// nominate begins a round: it decides whether ids prove anything, and takes mailboxes that are lost for sources.
// Where the last run was interrupted, what it found to have left its place is only in the manifest before it.
func (w *walk) nominate(ctx context.Context, survey *mail.Survey, before map[string]*manifest.Mailbox, lost []*manifest.Mailbox) error {
	n := w.nominees
	n.foreign = n.foreign || w.isForeign(w.parent) || w.isForeign(w.basis) || identity.IsRenumbered(survey, before)
	for _, mailbox := range lost {
		n.lost(mailbox)
	}
	if w.parent == nil || w.parent.State == manifest.Complete || w.basis == nil || n.basis {
		return nil
	}
	n.basis = true
	earlier, err := w.mailboxes(ctx, w.basis)
	if err != nil {
		return err
	}
	for raw, mailbox := range earlier {
		if now := before[raw]; now == nil || !slices.Equal(now.Pages, mailbox.Pages) || !slices.Equal(now.Lists, mailbox.Lists) {
			n.lost(mailbox)
		}
	}
	return nil
}

// gone tells that messages have left a mailbox. Their pages are about to be read in any case.
func (n *nominees) gone(mailbox *manifest.Mailbox, uids mail.UIDSet) {
	if mailbox == nil || uids.Len() == 0 {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sources = append(n.sources, departure{mailbox, &uids})
}

// lost tells that a mailbox is not there any more, or that its UIDs mean nothing any more.
func (n *nominees) lost(mailbox *manifest.Mailbox) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.isWorth(mailbox.Messages, mailbox.Bytes) {
		n.sources = append(n.sources, departure{mailbox, nil})
	}
}

// distrust is for a server whose messages are found to be other than those that were archived.
func (n *nominees) distrust() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.void = true
}

// expect tells how many messages have arrived, as far as a survey knows.
func (n *nominees) expect(arrived int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.arrived += arrived
}

// isWorth reports whether reading the records of so many messages costs little beside downloading what has arrived, if
// that is as large as these.
func (n *nominees) isWorth(messages, bytes int64) bool {
	return messages > 0 && messages*recordBytes*worthwhile <= n.arrived*(bytes/messages)
}

// nominee is an archived message that may be one on the server.
type nominee struct {
	*manifest.Record
	byFacts bool // by its size and date, and not by an id
}

// find returns, by UID, the archived messages that the ids of messages name, or else their sizes and dates. These are only
// hints.
func (n *nominees) find(ctx context.Context, messages []mail.Message) (map[mail.UID]nominee, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.void {
		return nil, nil
	}
	keys := make(map[mail.UID]uint64, len(messages))
	for i := range messages {
		if key, ok := n.key(messages[i].IDs); ok {
			keys[messages[i].UID] = key
		}
	}
	if len(keys) == 0 && len(n.sources) == 0 && len(n.places) == 0 {
		return nil, nil
	}
	if err := n.look(ctx, keys); err != nil {
		return nil, err
	}
	wanted := make(map[int32][]mail.UID)
	places := make(map[mail.UID]place, len(messages))
	for i := range messages {
		uid := messages[i].UID
		if at, ok := n.place(&messages[i], keys); ok {
			places[uid] = at
			wanted[at.page] = append(wanted[at.page], uid)
		}
	}
	found := make(map[mail.UID]nominee)
	for page, uids := range wanted {
		records, err := n.pages[page].LoadRecords(n.walk.load(ctx))
		if archive.IsDamage(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, uid := range uids {
			found[uid] = nominee{&records[places[uid].index], places[uid].byFacts}
		}
	}
	return found, nil
}

// place is where a message's nominee is.
type place struct {
	whereabouts
	byFacts bool
}

// place finds the nominee of a message, by its id first.
func (n *nominees) place(message *mail.Message, keys map[mail.UID]uint64) (place, bool) {
	if key, ok := keys[message.UID]; ok {
		if at, ok := n.places[key]; ok && at.page >= 0 {
			return place{at, false}, true
		}
	}
	key, ok := n.factsKey(message.Size, message.Internal)
	if !ok {
		return place{}, false
	}
	at, ok := n.places[key]
	return place{at, true}, ok && at.page >= 0
}

// look looks through the sources. If a message is still not found and it is worth it, it looks through all mailboxes,
// because a copy leaves nothing behind.
func (n *nominees) look(ctx context.Context, keys map[mail.UID]uint64) error {
	for len(n.sources) > 0 {
		s := n.sources[0]
		n.sources = n.sources[1:]
		if err := n.lookThrough(ctx, s, true); err != nil {
			return err
		}
	}
	for _, key := range keys {
		if _, found := n.places[key]; !found && !n.others {
			n.others = true
			return n.lookEverywhere(ctx)
		}
	}
	return nil
}

func (n *nominees) lookEverywhere(ctx context.Context) error {
	var messages, bytes int64
	for _, mailbox := range n.walk.before {
		messages += mailbox.Messages
		bytes += mailbox.Bytes
	}
	if !n.isWorth(messages, bytes) {
		return nil
	}
	for _, mailbox := range n.walk.before {
		if err := n.lookThrough(ctx, departure{mailbox, nil}, false); err != nil {
			return err
		}
	}
	return nil
}

// lookThrough notes where the records of a source are, by their ids, and with facts by size and date too. It skips damaged
// pages.
func (n *nominees) lookThrough(ctx context.Context, s departure, facts bool) error {
	pages, err := s.mailbox.AllPages(n.walk.load(ctx))
	if err != nil && !archive.IsDamage(err) {
		return err
	}
	for _, page := range pages {
		first, last := page.Range()
		if s.uids != nil && s.uids.In(mail.UIDRange{First: mail.UID(first), Last: mail.UID(last)}).Len() == 0 {
			continue
		}
		records, err := page.LoadRecords(n.walk.load(ctx))
		if archive.IsDamage(err) {
			continue
		}
		if err != nil {
			return err
		}
		n.pages = append(n.pages, page)
		for i := range records {
			if s.uids == nil || s.uids.Contains(records[i].UID) {
				n.add(&records[i], i, facts && (s.uids == nil || records[i].IDs == mail.IDs{}))
			}
		}
	}
	return nil
}

// add notes where a record of the latest page is. Size and date nominate only what has a probe.
func (n *nominees) add(record *manifest.Record, index int, facts bool) {
	now := whereabouts{int32(len(n.pages) - 1), int16(index), binary.BigEndian.Uint64(record.Hash[:])}
	if key, ok := n.key(record.IDs); ok {
		n.note(key, now)
	}
	if !facts || record.Probe == (chunk.Prefix{}) {
		return
	}
	if key, ok := n.factsKey(record.Size, record.Internal); ok {
		n.note(key, now)
	}
}

// note keeps a place, unless there is no room, or the key leads to two messages.
func (n *nominees) note(key uint64, now whereabouts) {
	was, known := n.places[key]
	switch {
	case !known && len(n.places) < nomineesAtMost:
		n.places[key] = now
	case known && was.hash != now.hash:
		n.places[key] = whereabouts{page: -1}
	}
}

// key is a hash of the id by which a message is recognised, the most reliable that it has. Ids of different kinds have
// nothing to do with each other.
func (n *nominees) key(ids mail.IDs) (uint64, bool) {
	switch {
	case n.foreign:
		return 0, false
	case ids.Email != "":
		return maphash.String(n.seed, "EMAILID "+ids.Email), true
	case ids.GMMsg != "":
		return maphash.String(n.seed, "X-GM-MSGID "+ids.GMMsg), true
	case ids.XGUID != "":
		return maphash.String(n.seed, "X-GUID "+ids.XGUID), true
	}
	return 0, false
}

// factsKey is a hash of the size and date, which stay the same at another server or under another UIDVALIDITY.
func (n *nominees) factsKey(size int64, date mail.Date) (uint64, bool) {
	if size < manifest.MinProbed || date.Raw != "" {
		return 0, false
	}
	return maphash.Comparable(n.seed, [2]int64{size, date.Seconds}), true
}

// sameID reports whether two messages have the same id, of those by which messages are recognised.
func sameID(a, b mail.IDs) bool {
	switch {
	case a.Email != "" || b.Email != "":
		return a.Email == b.Email
	case a.GMMsg != "" || b.GMMsg != "":
		return a.GMMsg == b.GMMsg
	}
	return a.XGUID != "" && a.XGUID == b.XGUID
}
