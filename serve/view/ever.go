package view

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// An era of a mailbox is the time in which it kept its UIDVALIDITY: a UID names one message in it.
type era struct {
	validity uint32
	nights   []version // from the newest to the oldest
	next     uint64    // above all its UIDs
	offset   uint64    // added to its UIDs: the sum of next of earlier eras
}

// version is a mailbox on one night.
type version struct {
	contents *archive.Contents
	mailbox  *manifest.Mailbox
}

// ever returns the view of all messages that were ever in each mailbox, or only of those that are
// gone: those that no mailbox of the newest complete manifest has. A message that was moved is not
// gone.
func (a *Archive) ever(ctx context.Context, account string, onlyGone bool) (*View, error) {
	v := &View{Account: account}
	nights, err := a.complete(ctx, v)
	if err != nil {
		return nil, err
	}
	versions := make(map[string][]version) // by raw name
	var newest []*manifest.Mailbox         // of each name
	for _, c := range nights {
		mailboxes, err := v.read(ctx, c)
		if err != nil {
			return nil, err
		}
		for _, m := range mailboxes {
			if !m.Selectable() || m.Label {
				continue // a label's messages are in All Mail
			}
			if versions[m.Raw] == nil {
				newest = append(newest, m)
			}
			versions[m.Raw] = append(versions[m.Raw], version{c, m})
		}
	}
	present := &hashSet{}
	if onlyGone {
		present.contents = nights[0]
	}
	names := newNames(newest, delimiterOf(newest))
	for _, m := range newest {
		eras := erasOf(versions[m.Raw])
		validity := everKey(m.Raw, eras, present)
		key := fmt.Sprint(validity, " ", nights[0].Head.Name, " ", nights[len(nights)-1].Head.Name, " ", len(nights))
		served := &Mailbox{Name: names.of(m), Delimiter: names.delimiter, Subscribed: m.Subscribed, Selectable: true}
		served.load = func(ctx context.Context) (*List, error) {
			return a.lists.get(key, func() (*List, error) { return a.loadEver(ctx, eras, hashNumber(validity), present) })
		}
		v.Mailboxes = append(v.Mailboxes, served)
	}
	subscribe(v.Mailboxes)
	v.sort()
	return v, nil
}

// erasOf returns the eras of a mailbox, from the oldest to the newest. If its server gives no
// UIDVALIDITY, a UID means nothing from one night to the next: then only the newest night is shown.
func erasOf(nights []version) (eras []*era) {
	for _, n := range nights {
		validity := n.mailbox.UIDValidity()
		at := slices.IndexFunc(eras, func(e *era) bool { return e.validity == validity })
		if at < 0 {
			at, eras = len(eras), append(eras, &era{validity: validity})
		} else if validity == 0 {
			continue
		}
		eras[at].nights = append(eras[at].nights, n)
	}
	slices.Reverse(eras)
	return eras
}

// everKey names the UIDs of a mailbox: its UIDVALIDITY is a hash of it. A UID means the same
// message as long as the eras are the same. What is gone can come back, or go later than messages
// with larger UIDs, so that it is known for one night only.
func everKey(raw string, eras []*era, present *hashSet) string {
	key := "ever " + raw
	for _, e := range eras {
		key += fmt.Sprint(" ", e.validity)
	}
	if present.contents != nil {
		key += " gone " + present.contents.Head.Name
	}
	return key
}

// everRow is a message of a List that is being made.
type everRow struct {
	item
	hash uint64 // short
	page manifest.Page
	era  *era
}

// loadEver reads all distinct pages of a mailbox.
func (a *Archive) loadEver(ctx context.Context, eras []*era, validity uint32, present *hashSet) (*List, error) {
	if err := present.read(ctx); err != nil {
		return nil, err
	}
	l := &List{
		Numbers: Numbers{UIDValidity: validity, UIDNext: 1}, contents: eras[0].nights[0].contents,
		raw: make(map[int]string),
	}
	later := make(map[uint64]bool) // hashes of messages of later eras
	var rows []everRow
	for _, e := range slices.Backward(eras) {
		some, err := l.readEra(ctx, e)
		if err != nil {
			return nil, err
		}
		for _, r := range some {
			if !later[r.hash] && !present.has(r.hash) {
				rows = append(rows, r)
			}
		}
		for _, r := range some {
			later[r.hash] = true
		}
	}
	var offset uint64
	for _, e := range eras {
		e.offset = offset
		offset += max(e.next, 1)
	}
	if offset > math.MaxUint32 {
		return nil, errors.New("the UIDs that this mailbox ever had are more than a mailbox can have")
	}
	l.UIDNext = uint32(offset)
	slices.SortFunc(rows, func(a, b everRow) int {
		return cmp.Compare(a.era.offset+uint64(a.uid), b.era.offset+uint64(b.uid))
	})
	b := a.build(l)
	for _, r := range rows {
		b.add(r.page, r.item, uint32(r.era.offset))
	}
	return b.done(), nil
}

// readEra returns the messages of an era, each once, as it is on the newest night that has it.
// Pages that nights share are read once.
func (l *List) readEra(ctx context.Context, e *era) (rows []everRow, err error) {
	seen := make(map[chunk.ID]bool)
	have := make(map[mail.UID]bool)
	shown := make(map[uint64]bool) // hashes: a message that was restored has another UID
	for _, n := range e.nights {
		e.next = max(e.next, uint64(nextUID(n.mailbox)))
		unread := func(yield func(manifest.Page, error) bool) {
			for page, err := range n.contents.Pages(ctx, n.mailbox) {
				if err == nil && seen[page.Records] {
					continue
				}
				seen[page.Records] = true
				if !yield(page, err) {
					return
				}
			}
		}
		for page, err := range n.contents.Ahead(ctx, unread) {
			var entries []manifest.Entry
			if err == nil {
				entries, err = n.contents.Page(ctx, n.mailbox, page)
			}
			if err != nil {
				if archive.UnlessDamage(err) != nil {
					return nil, err
				}
				l.Damage = append(l.Damage, err)
			}
			for i := range entries {
				uid, hash := entries[i].UID, short(entries[i].Hash)
				if have[uid] {
					continue
				}
				have[uid] = true
				e.next = max(e.next, uint64(uid)+1)
				if !shown[hash] {
					shown[hash] = true
					rows = append(rows, everRow{itemOf(&entries[i]), hash, page, e})
				}
			}
		}
	}
	return rows, nil
}

// hashSet is the messages of a manifest: eight bytes of the hash of each.
type hashSet struct {
	contents *archive.Contents // nil: the set is empty

	mu     sync.Mutex
	hashes []uint64 // sorted; nil: not read
}

// short returns eight bytes of a hash. Two of a million messages have the same with a probability
// of 1 in 37 million.
func short(hash chunk.ID) uint64 { return binary.BigEndian.Uint64(hash[:]) }

// read reads the set, once.
func (s *hashSet) read(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.contents == nil || s.hashes != nil {
		return nil
	}
	hashes := []uint64{}
	for m, err := range s.contents.Mailboxes(ctx) {
		if err != nil {
			return err // what cannot be read must not seem to be gone
		}
		for entry, err := range s.contents.Entries(ctx, m) {
			if errors.Is(err, archive.ErrFlags) {
				continue
			}
			if err != nil {
				return err
			}
			hashes = append(hashes, short(entry.Hash))
		}
	}
	slices.Sort(hashes)
	s.hashes = hashes
	return nil
}

func (s *hashSet) has(hash uint64) bool {
	_, found := slices.BinarySearch(s.hashes, hash)
	return found
}
