package search

import (
	"cmp"
	"context"
	"encoding/binary"
	"iter"
	"math"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/internal/inorder"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// Newest yields hits the newest first, by INTERNALDATE, when all are found, and those of at most
// limit messages (0: all). Copies of a message in one manifest with one date follow each other.
// Hits without a date that can be read come last. It keeps 40 bytes of a hit, and reads the entries
// that it yields again, also their headers if headers is set. Its errors are those of Find, each
// once.
func Newest(ctx context.Context, found iter.Seq2[*Hit, error], limit int, headers bool) iter.Seq2[*Hit, error] {
	return func(yield func(*Hit, error) bool) {
		n := &newest{
			headers: headers, limit: limit,
			known: make(map[mailboxOf]uint32), firsts: make(map[string]uint32), reported: make(map[string]bool),
		}
		for hit, err := range found {
			if err == nil {
				n.keep(hit)
				continue
			}
			if n.reported[err.Error()] = true; !yield(nil, err) {
				return
			}
		}
		n.sort()
		for read, err := range inorder.Map(ctx, batchesAtOnce, inorder.Slice(n.batches()), n.readBatch) {
			if err != nil {
				yieldError(ctx, yield, err)
				return
			}
			if !n.yieldBatch(ctx, read, yield) {
				return
			}
		}
	}
}

// How many hits are read together: few at first, so that they are shown soon. Further ones are read
// meanwhile.
const (
	firstRead     = 24
	mostRead      = 1000
	batchesAtOnce = 4
)

// batches divides what is kept.
func (n *newest) batches() (all [][]keptHit) {
	size := firstRead
	for from := 0; from < len(n.kept); {
		to := min(from+size, len(n.kept))
		all = append(all, n.kept[from:to])
		from, size = to, min(2*size, mostRead)
	}
	return all
}

// newest sorts hits.
type newest struct {
	headers   bool
	limit     int
	kept      []keptHit
	mailboxes []mailboxOf
	heads     []repo.Head // Hit.First
	known     map[mailboxOf]uint32
	firsts    map[string]uint32 // names of heads
	reported  map[string]bool   // errors
}

// keptHit is what is kept of a Hit.
type keptHit struct {
	seconds int64  // INTERNALDATE
	hash    uint64 // the first bytes of it
	mailbox uint32
	uid     mail.UID
	first   uint32
	absent  int32
}

// mailboxOf is a mailbox of a manifest. It has the pointers of the hits.
type mailboxOf struct {
	contents *archive.Contents
	mailbox  *manifest.Mailbox
}

func (n *newest) keep(hit *Hit) {
	seconds := hit.Entry.Internal.Resolved().Seconds
	if !hit.Entry.Internal.IsReadable() {
		seconds = math.MinInt64
	}
	of := mailboxOf{hit.Contents, hit.Mailbox}
	at, known := n.known[of]
	if !known {
		at = uint32(len(n.mailboxes))
		n.known[of] = at
		n.mailboxes = append(n.mailboxes, of)
	}
	first, known := n.firsts[hit.First.Name]
	if !known {
		first = uint32(len(n.heads))
		n.firsts[hit.First.Name] = first
		n.heads = append(n.heads, hit.First)
	}
	n.kept = append(n.kept, keptHit{
		seconds, binary.BigEndian.Uint64(hit.Entry.Hash[:]), at, hit.Entry.UID, first, int32(hit.Absent),
	})
	if n.limit > 0 && len(n.kept) >= 2*n.limit+mostRead {
		n.sort()
	}
}

// hit returns a hit with its entry.
func (n *newest) hit(k *keptHit, entry *manifest.Entry) *Hit {
	of := n.mailboxes[k.mailbox]
	hit := &Hit{Match: Match{of.mailbox, entry}, Contents: of.contents, First: n.heads[k.first], Absent: int(k.absent)}
	if hit.First.Name != "" {
		hit.Last = of.contents.Head
	}
	return hit
}

// sort sorts what is kept, and drops what is beyond the limit. The sort is stable: of copies, that
// of the first mailbox comes first.
func (n *newest) sort() {
	slices.SortStableFunc(n.kept, func(a, b keptHit) int {
		return cmp.Or(cmp.Compare(b.seconds, a.seconds), cmp.Compare(a.hash, b.hash), n.compareManifests(a, b))
	})
	messages := 0
	for i := range n.kept {
		if k := n.kept[i]; i > 0 && k.seconds == n.kept[i-1].seconds && k.hash == n.kept[i-1].hash &&
			n.compareManifests(k, n.kept[i-1]) == 0 {
			continue
		}
		if messages++; n.limit > 0 && messages > n.limit {
			n.kept = n.kept[:i]
			break
		}
	}
}

func (n *newest) compareManifests(a, b keptHit) int {
	x, y := n.mailboxes[a.mailbox].contents, n.mailboxes[b.mailbox].contents
	return cmp.Or(cmp.Compare(x.Manifest.Account, y.Manifest.Account), cmp.Compare(x.Head.Name, y.Head.Name))
}

// mailboxesAtOnce is how many mailboxes are read at once.
const mailboxesAtOnce = 16

// readMailbox is what was read of the hits in a mailbox.
type readMailbox struct {
	number  uint32
	entries map[mail.UID]*manifest.Entry
	damage  []error
}

// hitBatch is some hits, and what was read of their mailboxes.
type hitBatch struct {
	hits      []keptHit
	mailboxes map[uint32]readMailbox
}

// readBatch reads the entries of hits.
func (n *newest) readBatch(ctx context.Context, hits []keptHit) (hitBatch, error) {
	uids := make(map[uint32]*mail.UIDSet)
	var order []uint32
	for i := range hits {
		at := hits[i].mailbox
		if uids[at] == nil {
			uids[at] = new(mail.UIDSet)
			order = append(order, at)
		}
		uids[at].Add(hits[i].uid)
	}
	read := func(ctx context.Context, at uint32) (readMailbox, error) { return n.read(ctx, at, *uids[at]) }
	b := hitBatch{hits, make(map[uint32]readMailbox)}
	for found, err := range inorder.Map(ctx, mailboxesAtOnce, inorder.Slice(order), read) {
		if err != nil {
			return b, err
		}
		b.mailboxes[found.number] = found
	}
	return b, nil
}

// yieldBatch yields hits that were read. It reports whether to go on.
func (n *newest) yieldBatch(ctx context.Context, b hitBatch, yield func(*Hit, error) bool) bool {
	for i := range b.hits {
		read := b.mailboxes[b.hits[i].mailbox]
		for _, err := range read.damage {
			if !n.reported[err.Error()] && !yieldError(ctx, yield, err) {
				return false
			}
			n.reported[err.Error()] = true
		}
		entry := read.entries[b.hits[i].uid]
		if entry != nil && !yield(n.hit(&b.hits[i], entry), nil) { // nil: it is damaged, which was reported
			return false
		}
	}
	return true
}

// read reads messages of a mailbox.
func (n *newest) read(ctx context.Context, at uint32, uids mail.UIDSet) (readMailbox, error) {
	of := n.mailboxes[at]
	found := readMailbox{number: at, entries: make(map[mail.UID]*manifest.Entry)}
	entries := of.contents.EntriesAt(ctx, of.mailbox, uids)
	if n.headers {
		entries = archive.EntryHeadersAhead(ctx, of.contents.Chunks(), entries)
	}
	for entry, err := range entries {
		switch {
		case ctx.Err() != nil:
			return found, context.Cause(ctx)
		case err == nil:
			found.entries[entry.UID] = entry
		case archive.IsDamage(err):
			found.damage = append(found.damage, err)
		default:
			return found, err
		}
	}
	return found, nil
}

// Merged yields hits of one message that follow each other as one. The copy whose mailbox has not
// all messages (RFC 6154: \All) stands for it, so that a mailbox with a name of its own is shown.
func Merged(found iter.Seq2[*Hit, error]) iter.Seq2[*Hit, error] {
	return func(yield func(*Hit, error) bool) {
		var pending *Hit
		for hit, err := range found {
			switch {
			case err != nil:
				if !yield(nil, err) {
					return
				}
			case pending != nil && pending.Entry.Hash == hit.Entry.Hash && pending.Contents == hit.Contents:
				pending.Also = append(pending.Also, hit.Match)
				if hasAll(pending.Mailbox) && !hasAll(hit.Mailbox) {
					pending.Match, pending.Also[len(pending.Also)-1] = hit.Match, pending.Match
				}
			default:
				if pending != nil && !yield(pending, nil) {
					return
				}
				pending = hit
			}
		}
		if pending != nil {
			yield(pending, nil)
		}
	}
}

func hasAll(m *manifest.Mailbox) bool {
	return slices.ContainsFunc(m.SpecialUse, func(use string) bool { return strings.EqualFold(use, `\All`) })
}

// run is the manifests, one after the other, in which a page is. They are numbered from the newest
// on.
type run struct{ newest, oldest uint32 }

// countAbsent counts the complete manifests between the newest and the oldest that have a hit,
// which do not have it.
func (a *accountSearch) countAbsent() {
	complete := make([]int, len(a.heads)+1) // of the first n manifests
	for i := range a.heads {
		complete[i+1] = complete[i]
		if !a.partial[i] {
			complete[i+1]++
		}
	}
	type placed struct {
		run
		span int
	}
	var runs []placed
	for i := range a.spans {
		if span := &a.spans[i]; len(span.hits) > 0 {
			runs = append(runs, placed{run{span.newest, span.oldest}, i})
			for _, earlier := range span.earlier {
				runs = append(runs, placed{earlier, i})
			}
		}
	}
	slices.SortFunc(runs, func(x, y placed) int { return int(x.newest) - int(y.newest) })
	for _, p := range runs {
		for _, at := range a.spans[p.span].hits {
			s := &a.hits[at]
			if p.newest > s.covered {
				s.absent += complete[p.newest] - complete[s.covered]
			}
			s.covered = max(s.covered, p.oldest+1)
		}
	}
}
