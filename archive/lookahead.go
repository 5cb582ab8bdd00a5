package archive

import (
	"context"
	"iter"
	"slices"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/manifest"
)

// Lookahead fetches the pieces of manifests before a walk needs them, level by level: the mailbox
// tables of many manifests with one round trip, then the list groups in them, then the page lists,
// then the pages. A walk that goes through its iterators finds every piece in the cache of the
// reader. It walks as it likes, and reports damage where it finds it: a Lookahead ignores errors,
// because they come again when the piece is read.
//
// It remembers what it has fetched, so what manifests share is fetched and followed once. One
// goroutine may use it.
type Lookahead struct {
	chunks ChunkReader
	wanted func(*manifest.Mailbox) bool
	flags  bool
	only   func(manifest.Page) bool // nil: all

	fetched  pieceSet
	followed pieceSet // tables, groups and lists of which everything was fetched
}

// NewLookahead returns a Lookahead that fetches pieces of the mailboxes that wants selects (nil
// selects all), with their flag pages and the server parts of manifests, or without both.
func NewLookahead(chunks ChunkReader, wants func(*manifest.Mailbox) bool, flags bool) *Lookahead {
	if wants == nil {
		wants = func(*manifest.Mailbox) bool { return true }
	}
	return &Lookahead{chunks: chunks, wanted: wants, flags: flags, fetched: make(pieceSet), followed: make(pieceSet)}
}

// Only makes l fetch no pages but those that wants selects. The others must not be read, or are at
// hand.
func (l *Lookahead) Only(wants func(manifest.Page) bool) { l.only = wants }

const (
	maxFetched   = 1 << 19 // pieces that a Lookahead remembers, in some 15 MB; then it forgets all of them
	mailboxBatch = 1024    // mailboxes that are read ahead together
)

// Manifests yields the manifests. Before, it fetches the pieces of several.
func (l *Lookahead) Manifests(ctx context.Context, list iter.Seq2[Summary, error]) iter.Seq2[Summary, error] {
	return inBatches(list, readAhead, func(batch []aheadItem[Summary]) int { return l.fetchManifests(ctx, batch) })
}

// fetchManifests fetches pieces of the first manifests, as many as fit, and returns their number,
// which is at least one.
func (l *Lookahead) fetchManifests(ctx context.Context, batch []aheadItem[Summary]) int {
	var tables []chunk.ID
	planned := make(pieceSet)
	for _, s := range batch {
		if s.err == nil {
			tables = append(tables, l.unfollowed(s.item.Manifest.Tables, planned)...)
			if part := s.item.Manifest.ServerPart; l.flags && !part.IsZero() && !l.fetched.has(part) {
				tables = append(tables, part)
			}
			if l.flags {
				tables = append(tables, l.unfollowed(s.item.Manifest.Properties, planned)...)
			}
			tables = append(tables, l.unfollowed(s.item.Manifest.ItemSources, planned)...)
		}
	}
	l.fetch(ctx, tables)
	var mailboxes []*manifest.Mailbox
	ends := make([]int, len(batch)) // of the mailboxes of each manifest
	planned = make(pieceSet)
	for i, s := range batch {
		if s.err == nil {
			mailboxes = append(mailboxes, l.mailboxesOf(ctx, s.item.Manifest, planned)...)
		}
		ends[i] = len(mailboxes)
	}
	done := l.fetchMailboxes(ctx, mailboxes)
	n := 0
	for n < len(batch) && ends[n] <= done {
		if s := batch[n]; s.err == nil {
			l.followed.add(s.item.Manifest.Tables)
			l.followed.add(s.item.Manifest.ItemSources)
			l.followed.add(s.item.Manifest.Properties)
		}
		n++
	}
	return max(n, 1)
}

// mailboxesOf returns the mailboxes of a manifest, except those in tables that were followed, or
// are planned already.
func (l *Lookahead) mailboxesOf(ctx context.Context, m *manifest.Manifest, planned pieceSet) (all []*manifest.Mailbox) {
	add := func(mailboxes []manifest.Mailbox) {
		for i := range mailboxes {
			if l.wanted(&mailboxes[i]) {
				all = append(all, &mailboxes[i])
			}
		}
	}
	add(m.Mailboxes)
	for _, id := range l.unfollowed(m.Tables, planned) {
		if mailboxes, err := readPiece(ctx, l.chunks, id, manifest.ParseMailboxes); err == nil {
			add(mailboxes)
		}
	}
	return all
}

// Mailboxes yields the mailboxes of a manifest, as Contents.Mailboxes does. Before, it fetches the
// page lists and pages of several that are wanted.
func (l *Lookahead) Mailboxes(ctx context.Context, c *Contents) iter.Seq2[*manifest.Mailbox, error] {
	return l.mailboxes(ctx, c.Mailboxes(ctx))
}

func (l *Lookahead) mailboxes(
	ctx context.Context, list iter.Seq2[*manifest.Mailbox, error],
) iter.Seq2[*manifest.Mailbox, error] {
	return inBatches(list, mailboxBatch, func(batch []aheadItem[*manifest.Mailbox]) int {
		var wanted []*manifest.Mailbox
		var at []int // in the batch
		for i, m := range batch {
			if m.err == nil && l.wanted(m.item) {
				wanted, at = append(wanted, m.item), append(at, i)
			}
		}
		if n := max(l.fetchMailboxes(ctx, wanted), 1); n < len(wanted) {
			return at[n]
		}
		return len(batch)
	})
}

// fetchMailboxes fetches the list groups, page lists and pages of the first mailboxes, as many as
// fit, and returns their number. It is 0 if the first does not fit; then Pages fetches its pages.
func (l *Lookahead) fetchMailboxes(ctx context.Context, mailboxes []*manifest.Mailbox) int {
	lists := l.listsOf(ctx, mailboxes)
	l.fetch(ctx, slices.Concat(lists...))
	var pages []chunk.ID
	ends := make([]int, 0, len(mailboxes)) // of the pages of each mailbox
	planned := make(pieceSet)
	for i, m := range mailboxes {
		pages = l.appendUnfetched(pages, m.Pages, planned)
		for _, id := range lists[i] {
			list, _ := readPiece(ctx, l.chunks, id, manifest.ParsePageList)
			pages = l.appendUnfetched(pages, list, planned)
		}
		if ends = append(ends, len(pages)); len(pages) >= aheadChunks {
			break
		}
	}
	fetched := l.fetch(ctx, pages)
	n := 0
	for n < len(ends) && ends[n] <= fetched {
		l.followed.add(lists[n])
		l.followed.add(mailboxes[n].Groups)
		n++
	}
	return n
}

// listsOf fetches the list groups of mailboxes, and returns the page lists of each mailbox that are
// to be followed. A list is only in the first one.
func (l *Lookahead) listsOf(ctx context.Context, mailboxes []*manifest.Mailbox) [][]chunk.ID {
	groups := make([][]chunk.ID, len(mailboxes))
	planned := make(pieceSet)
	for i, m := range mailboxes {
		groups[i] = l.unfollowed(m.Groups, planned)
	}
	l.fetch(ctx, slices.Concat(groups...))
	lists := make([][]chunk.ID, len(mailboxes))
	for i, m := range mailboxes {
		lists[i] = l.unfollowed(m.Lists, planned)
		for _, id := range groups[i] {
			some, _ := readPiece(ctx, l.chunks, id, manifest.ParseListGroup)
			lists[i] = append(lists[i], l.unfollowed(some, planned)...)
		}
	}
	return lists
}

// Pages yields the page rows. Before, it fetches several pages.
func (l *Lookahead) Pages(ctx context.Context, rows iter.Seq2[manifest.Page, error]) iter.Seq2[manifest.Page, error] {
	return PiecesAhead(ctx, l.chunks, rows, func(page manifest.Page) []chunk.ID {
		ids := l.appendUnfetched(nil, []manifest.Page{page}, nil)
		l.remember(ids)
		return ids
	})
}

// unfetched returns the chunk of a piece if it was not fetched, and expects the caller to fetch it.
func (l *Lookahead) unfetched(p Piece) []chunk.ID {
	if l.fetched.has(p.ID) {
		return nil
	}
	ids := []chunk.ID{p.ID}
	l.remember(ids)
	return ids
}

// appendUnfetched appends the chunks of pages that were neither fetched nor planned, and adds them
// to planned.
func (l *Lookahead) appendUnfetched(ids []chunk.ID, pages []manifest.Page, planned pieceSet) []chunk.ID {
	add := func(id chunk.ID) {
		if !l.fetched.has(id) && !planned.has(id) {
			ids = append(ids, id)
			if planned != nil {
				planned.add([]chunk.ID{id})
			}
		}
	}
	for _, page := range pages {
		if l.only != nil && !l.only(page) {
			continue
		}
		add(page.Records)
		if l.flags {
			add(page.Flags)
		}
	}
	return ids
}

// fetch fetches the first chunks of a list, as many as fit, and returns their number.
func (l *Lookahead) fetch(ctx context.Context, ids []chunk.ID) int {
	frames := newFrameSet(structureBytes)
	n := 0
	for _, place := range locate(ctx, l.chunks, ids) {
		if !frames.add(place.Frame) {
			break
		}
		n++
	}
	if len(frames.list) > 0 {
		_, _ = l.chunks.Prefetch(ctx, frames.list) // an error comes again when a piece is read
	}
	l.remember(ids[:n])
	return n
}

// remember records pieces that were fetched.
func (l *Lookahead) remember(ids []chunk.ID) {
	if len(l.fetched)+len(l.followed) > maxFetched {
		clear(l.fetched)
		clear(l.followed)
	}
	l.fetched.add(ids)
}

// unfollowed returns the tables and lists that were neither followed nor planned, and adds them to
// planned.
func (l *Lookahead) unfollowed(ids []chunk.ID, planned pieceSet) []chunk.ID {
	var left []chunk.ID
	for _, id := range ids {
		if !l.followed.has(id) && !planned.has(id) {
			left = append(left, id)
		}
	}
	planned.add(left)
	return left
}

// pieceSet is a set of pieces.
type pieceSet map[chunk.Prefix]struct{}

func (s pieceSet) has(id chunk.ID) bool {
	_, has := s[id.Prefix()]
	return has
}

func (s pieceSet) add(ids []chunk.ID) {
	for _, id := range ids {
		s[id.Prefix()] = struct{}{}
	}
}
