package textindex

import (
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/fulltext"
	"github.com/mailstrata/mailstrata/fulltext/words"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// Search is a search by the index. Messages come newest first, by the date that they had when they
// were indexed.
type Search struct {
	Words *words.Query // its Filters are not looked at
	Query search.Query // all other conditions; Message must be nil

	Wants   func(*mail.Mailbox) bool // which mailboxes, by Raw, Name and Delimiter; nil: all
	Account string                   // of a search in all manifests: only this account; empty: all
}

// wants reports whether a mailbox is searched.
func (s *Search) wants(m *mail.Mailbox) bool { return s.Wants == nil || s.Wants(m) }

// Night yields the messages of one manifest that match, each once for each mailbox. Bring must have
// read the manifest. Errors are those of search.Find.
func (x *Index) Night(ctx context.Context, live *Live, c *archive.Contents, s Search) iter.Seq2[*search.Hit, error] {
	return func(yield func(*search.Hit, error) bool) {
		night, ok := live.names[c.Head.Name]
		if !ok {
			yield(nil, fmt.Errorf("the index has not read manifest %s", c.Head.Name))
			return
		}
		l := &locator{search: &s, open: func(context.Context, liveNight) (*archive.Contents, error) { return c, nil }, one: true}
		within, err := x.within(ctx, c, &s)
		if err != nil {
			yield(nil, err)
			return
		}
		x.run(ctx, &s, live.bounds(&s, within), yield, l, func(hit *fulltext.Hit, stays []stay) (found []place) {
			for i := range stays {
				box := live.state.boxes[stays[i].box]
				if box != nil && box.account == night.account && stays[i].has(night.number) && s.wants(&box.Mailbox) {
					found = append(found, place{
						hash: hit.Hash, night: night, first: night, box: box, uid: stays[i].uid,
					})
				}
			}
			return found
		})
	}
}

// All yields the messages of all manifests that match, each once for each account, as it is in the
// newest manifest that has it. The conditions of the query on flags and labels must be empty: they
// change from manifest to manifest.
func (x *Index) All(ctx context.Context, live *Live, s Search) iter.Seq2[*search.Hit, error] {
	return func(yield func(*search.Hit, error) bool) {
		reader := archive.NewReader(x.repo)
		reader.Keep(keptMail)
		l := &locator{search: &s, open: func(ctx context.Context, n liveNight) (*archive.Contents, error) { return reader.Open(ctx, n.head) }}
		within, err := x.held(ctx, live, &s)
		if err != nil {
			yield(nil, err)
			return
		}
		x.run(ctx, &s, live.bounds(&s, within), yield, l, func(hit *fulltext.Hit, stays []stay) (found []place) {
			for i := range stays {
				account, in, ok := live.interval(&stays[i])
				if !ok {
					continue
				}
				box := live.state.boxes[stays[i].box]
				if name := live.state.byNumber[account].name; s.Account != "" && s.Account != name ||
					!s.wants(&box.Mailbox) {
					continue
				}
				nights := live.accounts[account]
				found = merge(found, place{
					hash: hit.Hash, night: nights[in.to-1], first: nights[in.from], box: box, uid: stays[i].uid, in: []interval{in},
				})
			}
			for i := range found {
				found[i].nights = live.accounts[found[i].box.account]
			}
			return found
		})
	}
}

// merge adds a place to those of other accounts. Of several of one account, that of the newest
// manifest counts, with the oldest manifest of all.
func merge(found []place, p place) []place {
	for i := range found {
		f := &found[i]
		if f.box.account != p.box.account {
			continue
		}
		first, in := f.first, append(f.in, p.in...)
		if p.first.number < first.number {
			first = p.first
		}
		if p.night.number > f.night.number {
			*f = p
		}
		f.first, f.in = first, in
		return found
	}
	return append(found, p)
}

// Restrict makes a search in all manifests look only at messages whose words match, and only at the
// pages that have or had them. It is for conditions that change from manifest to manifest.
func (x *Index) Restrict(ctx context.Context, live *Live, q *words.Query, to *search.Query) error {
	found := make(map[chunk.Prefix]struct{})
	at := make(map[search.Place][]mail.UID)
	places := 0
	for hit, err := range x.words.Search(ctx, q, fulltext.Bounds{}) {
		if err != nil {
			return err
		}
		found[hit.Hash.Prefix()] = struct{}{}
		stays, err := decodeStays(hit.Data)
		if err != nil {
			return err
		}
		if places += len(stays); places > maxPlaces {
			at = nil
			continue
		}
		for i := range stays {
			if box := live.state.boxes[stays[i].box]; box != nil {
				place := search.Place{Account: live.state.byNumber[box.account].dir, Mailbox: box.Raw}
				at[place] = append(at[place], stays[i].uid)
			}
		}
	}
	to.Only = func(hash chunk.ID) bool {
		_, has := found[hash.Prefix()]
		return has
	}
	if at == nil {
		return nil
	}
	to.Places = &search.Places{
		UIDs:       make(map[search.Place]mail.UIDSet),
		Everywhere: func(head repo.Head) bool { return !live.Has(head) },
	}
	for place, uids := range at {
		to.Places.UIDs[place] = mail.UIDs(uids...)
	}
	return nil
}

// maxPlaces is how many places Restrict keeps. More are on most pages.
const maxPlaces = 100_000

// Hashes returns the messages of any manifest that match the words, for a search that looks at
// manifests itself.
func (x *Index) Hashes(ctx context.Context, q *words.Query) (map[chunk.Prefix]struct{}, error) {
	found := make(map[chunk.Prefix]struct{})
	for hash, err := range x.Matching(ctx, q) {
		if err != nil {
			return nil, err
		}
		found[hash.Prefix()] = struct{}{}
	}
	return found, nil
}

// Matching yields the messages of Hashes, newest first.
func (x *Index) Matching(ctx context.Context, q *words.Query) iter.Seq2[chunk.ID, error] {
	return func(yield func(chunk.ID, error) bool) {
		for hit, err := range x.words.Search(ctx, q, fulltext.Bounds{}) {
			if !yield(hit.Hash, err) {
				return
			}
		}
	}
}

// How many places are read at once: few at first, because most searches want no more.
const (
	firstPlaces = 24
	mostPlaces  = 1000
)

// run yields the messages at the places of hits.
func (x *Index) run(
	ctx context.Context, s *Search, bounds fulltext.Bounds, yield func(*search.Hit, error) bool, l *locator, places func(*fulltext.Hit, []stay) []place,
) {
	var batch []place
	size := firstPlaces
	for hit, err := range x.words.Search(ctx, s.Words, bounds) {
		if err != nil {
			yield(nil, err)
			return
		}
		stays, err := decodeStays(hit.Data)
		if err != nil {
			yield(nil, err)
			return
		}
		batch = append(batch, places(&hit, x.fitting(s, stays))...)
		if len(batch) < size {
			continue
		}
		if !l.yieldAll(ctx, batch, yield) {
			return
		}
		batch, size = batch[:0], min(2*size, mostPlaces)
	}
	l.yieldAll(ctx, batch, yield)
}

// bounds returns the bounds of a search. The dates of a message in mailboxes can differ from that
// in the index.
func (l *Live) bounds(s *Search, within []chunk.ID) fulltext.Bounds {
	b := fulltext.Bounds{Within: within}
	if l.state.spread > maxSpread {
		return b
	}
	apart := time.Duration(l.state.spread+1) * time.Second
	if !s.Query.Since.IsZero() {
		b.Since = s.Query.Since.Add(-apart)
	}
	if !s.Query.Before.IsZero() {
		b.Before = s.Query.Before.Add(apart)
	}
	return b
}

// maxSpread is the number of seconds, some 30 years, from which on bounds are of no use.
const maxSpread = 1 << 30

// maxWithin is the number of messages in the mailboxes that are searched up to which the index
// looks only for them. Then a word that is in most messages costs no more than the mailboxes.
const maxWithin = 20_000

// held returns the messages that the mailboxes that are searched have or had in any manifest, if
// these are only some and have few messages, or else nil.
func (x *Index) held(ctx context.Context, live *Live, s *Search) ([]chunk.ID, error) {
	if s.Wants == nil {
		return nil, nil
	}
	var begins [][]byte
	for number, box := range live.state.boxes {
		if !s.wants(&box.Mailbox) {
			continue
		}
		keys, err := x.words.Keys(ctx, binary.BigEndian.AppendUint32([]byte(heldKey), uint32(number)),
			maxWithin+1-len(begins))
		if err != nil {
			return nil, err
		}
		if begins = append(begins, keys...); len(begins) > maxWithin {
			return nil, nil
		}
	}
	hashes, err := x.words.Hashes(ctx, begins)
	return append([]chunk.ID{}, hashes...), err
}

// within returns the messages of the mailboxes that are searched, if these are only some and have
// few messages, or else nil.
func (x *Index) within(ctx context.Context, c *archive.Contents, s *Search) ([]chunk.ID, error) {
	if s.Wants == nil {
		return nil, nil
	}
	var some []*manifest.Mailbox
	messages := int64(0)
	for m, err := range c.Mailboxes(ctx) {
		if err != nil {
			return nil, archive.UnlessDamage(err) // it is reported when the mailbox is read
		}
		if s.wants(&m.Mailbox) {
			some, messages = append(some, m), messages+m.Messages
		}
	}
	if messages > maxWithin {
		return nil, nil
	}
	hashes := []chunk.ID{}
	for _, m := range some {
		for page, err := range archive.NewLookahead(c.Chunks(), nil, false).Pages(ctx, c.Pages(ctx, m)) {
			var records []manifest.Record
			if err == nil {
				records, err = c.Records(ctx, page)
			}
			if err != nil {
				return nil, archive.UnlessDamage(err)
			}
			for i := range records {
				hashes = append(hashes, records[i].Hash)
			}
		}
	}
	return hashes, nil
}
