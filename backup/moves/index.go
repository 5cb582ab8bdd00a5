package moves

import (
	"context"
	"encoding/binary"
	"hash/maphash"
	"sync"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// Index has the archived messages that may be what arrives in a mailbox: their ids say so; or their sizes and dates do, of
// mailboxes that vanished, were renumbered, or are unproven, and of messages without an id that left. They are looked for
// where messages left, and elsewhere only as far as it costs little beside what has arrived (design, "Moved and copied").
//
// Of each is kept no more than where its record is: some 40 bytes.
type Index struct {
	load Load
	seed maphash.Seed

	mu         sync.Mutex
	distrusted bool                         // ids prove nothing in this run
	recorded   map[string]*manifest.Mailbox // by raw name: the account as it was recorded
	foreign    bool                         // ids are another server's, and say nothing about what is archived
	arrived    int64
	origins    []origin // not looked through yet
	others     bool     // the rest of the account was looked through, or is not to be
	pages      []manifest.Page
	refs       map[uint64]recordRef // by a hash of the id
}

// origin is where messages are gone from: a mailbox, or some of its UIDs.
type origin struct {
	mailbox *manifest.Mailbox
	uids    *mail.UIDSet // nil: all
}

// recordRef are those of a record. An id that is recorded of two bodies leads nowhere.
type recordRef struct {
	page  int32 // -1: none
	index int16
	hash  uint64 // the beginning of the message's hash
}

const (
	// maxRefs bounds the memory.
	maxRefs = 1 << 19

	// recordBytes is about what a record costs to be read, and worthwhile how many times cheaper reading records must
	// be than downloading all that has arrived.
	recordBytes = 200
	worthwhile  = 8
)

// Load returns how to fetch chunks of the catalog.
type Load = func(context.Context) func(chunk.ID) ([]byte, error)

// New returns an empty index.
func New(load Load) *Index {
	return &Index{load: load, seed: maphash.MakeSeed(), refs: make(map[uint64]recordRef)}
}

// Begin begins a round: recorded are the mailboxes of the account. With foreign, ids are another server's.
func (x *Index) Begin(recorded map[string]*manifest.Mailbox, foreign bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.recorded, x.foreign = recorded, x.foreign || foreign
}

// Gone tells that messages have left a mailbox. Their pages are about to be read in any case.
func (x *Index) Gone(mailbox *manifest.Mailbox, uids mail.UIDSet) {
	if mailbox == nil || uids.Len() == 0 {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.origins = append(x.origins, origin{mailbox, &uids})
}

// Lost tells that a mailbox is not there any more, or that its UIDs mean nothing any more.
func (x *Index) Lost(mailbox *manifest.Mailbox) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.isWorth(mailbox.Messages, mailbox.Bytes) {
		x.origins = append(x.origins, origin{mailbox, nil})
	}
}

// Distrust is for a server whose messages are found to be other than those that were archived.
func (x *Index) Distrust() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.distrusted = true
}

// Expect tells how many messages have arrived, as far as a survey knows.
func (x *Index) Expect(arrived int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.arrived += arrived
}

// isWorth reports whether reading the records of so many messages costs little beside downloading what has arrived, if
// that is as large as these.
func (x *Index) isWorth(messages, bytes int64) bool {
	return messages > 0 && messages*recordBytes*worthwhile <= x.arrived*(bytes/messages)
}

// candidate is an archived message that may be one on the server.
type candidate struct {
	*manifest.Record
	bySizeAndDate bool // by its size and date, and not by an id
}

// find returns, by UID, the archived messages that the ids of messages name, or else their sizes and dates. These are only
// hints.
func (x *Index) find(ctx context.Context, messages []mail.Message) (map[mail.UID]candidate, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.distrusted {
		return nil, nil
	}
	keys := make(map[mail.UID]uint64, len(messages))
	for i := range messages {
		if key, ok := x.key(messages[i].IDs); ok {
			keys[messages[i].UID] = key
		}
	}
	if len(keys) == 0 && len(x.origins) == 0 && len(x.refs) == 0 {
		return nil, nil
	}
	if err := x.readOrigins(ctx, keys); err != nil {
		return nil, err
	}
	wanted := make(map[int32][]mail.UID)
	refs := make(map[mail.UID]candidateRef, len(messages))
	for i := range messages {
		uid := messages[i].UID
		if at, ok := x.ref(&messages[i], keys); ok {
			refs[uid] = at
			wanted[at.page] = append(wanted[at.page], uid)
		}
	}
	found := make(map[mail.UID]candidate)
	for page, uids := range wanted {
		records, err := x.pages[page].LoadRecords(x.load(ctx))
		if archive.IsDamage(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, uid := range uids {
			found[uid] = candidate{&records[refs[uid].index], refs[uid].bySizeAndDate}
		}
	}
	return found, nil
}

// candidateRef is where a message's nominee is.
type candidateRef struct {
	recordRef
	bySizeAndDate bool
}

// ref finds the nominee of a message, by its id first.
func (x *Index) ref(message *mail.Message, keys map[mail.UID]uint64) (candidateRef, bool) {
	if key, ok := keys[message.UID]; ok {
		if at, ok := x.refs[key]; ok && at.page >= 0 {
			return candidateRef{at, false}, true
		}
	}
	key, ok := x.sizeDateKey(message.Size, message.Internal)
	if !ok {
		return candidateRef{}, false
	}
	at, ok := x.refs[key]
	return candidateRef{at, true}, ok && at.page >= 0
}

// readOrigins looks through the sources. If a message is still not found and it is worth it, it looks through all mailboxes,
// because a copy leaves nothing behind.
func (x *Index) readOrigins(ctx context.Context, keys map[mail.UID]uint64) error {
	for len(x.origins) > 0 {
		s := x.origins[0]
		x.origins = x.origins[1:]
		if err := x.read(ctx, s, true); err != nil {
			return err
		}
	}
	for _, key := range keys {
		if _, found := x.refs[key]; !found && !x.others {
			x.others = true
			return x.readAll(ctx)
		}
	}
	return nil
}

func (x *Index) readAll(ctx context.Context) error {
	var messages, bytes int64
	for _, mailbox := range x.recorded {
		messages += mailbox.Messages
		bytes += mailbox.Bytes
	}
	if !x.isWorth(messages, bytes) {
		return nil
	}
	for _, mailbox := range x.recorded {
		if err := x.read(ctx, origin{mailbox, nil}, false); err != nil {
			return err
		}
	}
	return nil
}

// read notes where the records of a source are, by their ids, and with facts by size and date too. It skips damaged
// pages.
func (x *Index) read(ctx context.Context, s origin, sizeAndDate bool) error {
	pages, err := s.mailbox.AllPages(x.load(ctx))
	if err != nil && !archive.IsDamage(err) {
		return err
	}
	for _, page := range pages {
		first, last := page.Range()
		if s.uids != nil && s.uids.In(mail.UIDRange{First: mail.UID(first), Last: mail.UID(last)}).Len() == 0 {
			continue
		}
		records, err := page.LoadRecords(x.load(ctx))
		if archive.IsDamage(err) {
			continue
		}
		if err != nil {
			return err
		}
		x.pages = append(x.pages, page)
		for i := range records {
			if s.uids == nil || s.uids.Contains(records[i].UID) {
				x.add(&records[i], i, sizeAndDate && (s.uids == nil || records[i].IDs == mail.IDs{}))
			}
		}
	}
	return nil
}

// add notes where a record of the latest page is. Size and date nominate only what has a probe.
func (x *Index) add(record *manifest.Record, index int, sizeAndDate bool) {
	now := recordRef{int32(len(x.pages) - 1), int16(index), binary.BigEndian.Uint64(record.Hash[:])}
	if key, ok := x.key(record.IDs); ok {
		x.put(key, now)
	}
	if !sizeAndDate || record.Probe == (chunk.Prefix{}) {
		return
	}
	if key, ok := x.sizeDateKey(record.Size, record.Internal); ok {
		x.put(key, now)
	}
}

// put keeps a place, unless there is no room, or the key leads to two messages.
func (x *Index) put(key uint64, now recordRef) {
	was, known := x.refs[key]
	switch {
	case !known && len(x.refs) < maxRefs:
		x.refs[key] = now
	case known && was.hash != now.hash:
		x.refs[key] = recordRef{page: -1}
	}
}

// key is a hash of the id by which a message is recognised, the most reliable that it has. Ids of different kinds have
// nothing to do with each other.
func (x *Index) key(ids mail.IDs) (uint64, bool) {
	switch {
	case x.foreign:
		return 0, false
	case ids.Email != "":
		return maphash.String(x.seed, "EMAILID "+ids.Email), true
	case ids.GMMsg != "":
		return maphash.String(x.seed, "X-GM-MSGID "+ids.GMMsg), true
	case ids.XGUID != "":
		return maphash.String(x.seed, "X-GUID "+ids.XGUID), true
	}
	return 0, false
}

// sizeDateKey is a hash of the size and date, which stay the same at another server or under another UIDVALIDITY.
func (x *Index) sizeDateKey(size int64, date mail.Date) (uint64, bool) {
	if size < manifest.MinProbed || date.Raw != "" {
		return 0, false
	}
	return maphash.Comparable(x.seed, [2]int64{size, date.Seconds}), true
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
