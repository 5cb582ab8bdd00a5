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

// Index finds archived messages that may be the messages that arrive in a mailbox. Their ids match.
// Or their sizes and dates match, and they are from mailboxes that vanished, were renumbered or are
// unproven, or have no id and left their mailbox. Index reads the records of mailboxes that lost
// messages. It reads those of other mailboxes only if that costs little compared with downloading
// what has arrived (docs/design/reading.md, "Moved and copied messages").
//
// Index keeps only a reference to each record: about 40 bytes.
type Index struct {
	load Load
	seed maphash.Seed

	mu         sync.Mutex
	distrusted bool                         // ids prove nothing in this run
	recorded   map[string]*manifest.Mailbox // by raw name: the account as it was recorded
	foreign    bool                         // ids are those of another server, and do not identify archived messages
	arrived    int64
	origins    []origin // to be read
	others     bool     // the other mailboxes were read, or are not worth reading
	pages      []manifest.Page
	refs       map[uint64]recordRef // by a hash of the id, or of the size and date
}

// origin is a mailbox, or some UIDs of one, that messages are gone from.
type origin struct {
	mailbox *manifest.Mailbox
	uids    *mail.UIDSet // nil: all
}

// recordRef refers to a record. If two messages with different bodies have the same key, page is
// -1.
type recordRef struct {
	page  int32 // -1: none
	index int16
	hash  uint64 // the first bytes of the message's hash
}

const (
	// maxRefs bounds the memory.
	maxRefs = 1 << 19

	// recordBytes is about what reading a record costs. Reading records must be worthwhile times
	// cheaper than downloading everything that has arrived.
	recordBytes = 200
	worthwhile  = 8
)

// Load returns a function that fetches chunks of the catalog.
type Load = func(context.Context) func(chunk.ID) ([]byte, error)

// New returns an empty index.
func New(load Load) *Index {
	return &Index{load: load, seed: maphash.MakeSeed(), refs: make(map[uint64]recordRef)}
}

// Begin begins a round. recorded are the mailboxes of the account. If foreign is true, ids are
// those of another server from now on.
func (x *Index) Begin(recorded map[string]*manifest.Mailbox, foreign bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.recorded, x.foreign = recorded, x.foreign || foreign
}

// Gone adds messages that left a mailbox. Their pages are about to be read in any case.
func (x *Index) Gone(mailbox *manifest.Mailbox, uids mail.UIDSet) {
	if mailbox == nil || uids.Len() == 0 {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.origins = append(x.origins, origin{mailbox, &uids})
}

// Lost adds the messages of a mailbox that is gone, or whose UIDs mean nothing any more.
func (x *Index) Lost(mailbox *manifest.Mailbox) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.isWorth(mailbox.Messages, mailbox.Bytes) {
		x.origins = append(x.origins, origin{mailbox, nil})
	}
}

// Distrust ends all matching in this run, because messages on the server differ from those that
// were archived.
func (x *Index) Distrust() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.distrusted = true
}

// Expect adds the number of messages that have arrived, as far as a survey shows it.
func (x *Index) Expect(arrived int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.arrived += arrived
}

// isWorth reports whether reading the records of so many messages costs little compared with
// downloading what has arrived, if that is of the same size.
func (x *Index) isWorth(messages, bytes int64) bool {
	return messages > 0 && messages*recordBytes*worthwhile <= x.arrived*(bytes/messages)
}

// candidate is an archived message that may be one on the server.
type candidate struct {
	*manifest.Record
	bySizeAndDate bool // found by its size and date, and not by an id
}

// find returns the archived messages with the ids of messages, or else with their sizes and dates,
// by UID. A match is only a hint.
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

// candidateRef refers to a candidate.
type candidateRef struct {
	recordRef
	bySizeAndDate bool
}

// ref finds the candidate for a message, first by its id.
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

// readOrigins reads the origins. If a message is still not found, it reads all mailboxes once, if
// that is worth it: a copied message leaves no origin.
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

// read adds the records of an origin by their ids, and if sizeAndDate is true, by size and date
// too. It skips damaged pages.
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

// add adds a record of the latest page. Only records with a probe are found by size and date.
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

// put adds a reference, unless there is no room. A key of two different messages refers to none.
func (x *Index) put(key uint64, now recordRef) {
	was, known := x.refs[key]
	switch {
	case !known && len(x.refs) < maxRefs:
		x.refs[key] = now
	case known && was.hash != now.hash:
		x.refs[key] = recordRef{page: -1}
	}
}

// key hashes the most reliable id of a message. Ids of different kinds are unrelated.
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

// sizeDateKey hashes the size and date, which stay the same on another server or under another
// UIDVALIDITY.
func (x *Index) sizeDateKey(size int64, date mail.Date) (uint64, bool) {
	if size < manifest.MinProbed || date.Raw != "" {
		return 0, false
	}
	return maphash.Comparable(x.seed, [2]int64{size, date.Seconds}), true
}

// sameID reports whether two messages have the same most reliable id.
func sameID(a, b mail.IDs) bool {
	switch {
	case a.Email != "" || b.Email != "":
		return a.Email == b.Email
	case a.GMMsg != "" || b.GMMsg != "":
		return a.GMMsg == b.GMMsg
	}
	return a.XGUID != "" && a.XGUID == b.XGUID
}
