package prune

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/clock"
	"github.com/mailstrata/mailstrata/repo/internal/objects"
	"github.com/mailstrata/mailstrata/repo/ranges"
	"github.com/mailstrata/mailstrata/repo/store"
)

// Each run adds a segment or two. Merging keeps them few, so that a host without a cache need not
// fetch thousands (rule 10). Segments of similar size are merged, so each entry is written only a
// few times. The inputs are deleted a day later, so that other hosts can finish reading them, and
// only after the merged segment was read whole and compared with them.

const mergeMost = 256 // the most segments that are merged at once: each is an open file

// Limits say which index segments are merged.
type Limits struct {
	Least   int         // the fewest segments that are merged
	Largest SegmentSize // what a segment has at most
}

// UsualLimits returns the limits of the format.
func UsualLimits() Limits {
	return Limits{
		Least:   8,
		Largest: SegmentSize{Packs: format.MaxElements, Entries: format.MaxContent / format.EntrySize},
	}
}

// SegmentSize is the size of a segment, or a limit of it.
type SegmentSize struct {
	Packs, Entries int
}

func (s SegmentSize) and(t SegmentSize) SegmentSize {
	return SegmentSize{s.Packs + t.Packs, s.Entries + t.Entries}
}

func (s SegmentSize) fits(largest SegmentSize) bool {
	return s.Packs <= largest.Packs && s.Entries <= largest.Entries
}

// listedSegment is an index segment and what merging needs of it.
type listedSegment struct {
	store.Object
	hash   [32]byte
	size   SegmentSize
	gone   SegmentSize // the part that describes deleted packs
	inputs [][32]byte
}

// stale reports whether so much of the segment describes deleted packs that it is written again
// without them.
func (s *listedSegment) stale() bool { return s.gone.Entries > s.size.Entries/staleShare }

// useless reports whether the segment describes deleted packs only.
func (s *listedSegment) useless() bool { return s.gone.Packs == s.size.Packs }

// staleShare: a segment is stale if more than one in so many of its entries is of a deleted pack.
// Readers try these places in vain.
const staleShare = 4

// indexMerger merges index segments for a prune (rule 10).
type indexMerger struct {
	*survey
	entries map[format.Pack]int // number of entries of each deleted pack
}

func (x *indexMerger) run(ctx context.Context) error {
	x.entries = map[format.Pack]int{}
	for _, p := range x.census.Packs() {
		if pack := p.Pack(); x.gone(pack) {
			x.entries[pack] = p.Entries()
		}
	}
	listed, err := x.listSegments(ctx)
	if err != nil {
		return err
	}
	replaced, err := x.removeReplaced(ctx, listed)
	if err != nil {
		return err
	}
	listed = slices.DeleteFunc(listed, func(s listedSegment) bool { return replaced[s.hash] })
	for _, some := range x.r.Limits.group(x.r.Limits.chosen(listed)) {
		if err := x.merge(ctx, some); err != nil {
			return err
		}
	}
	return nil
}

// chosen returns the segments to merge: those of similar size, if there are many, and those that
// are stale.
func (l Limits) chosen(listed []listedSegment) []listedSegment {
	slices.SortStableFunc(listed, func(a, b listedSegment) int { return cmp.Compare(a.Size, b.Size) })
	var stale, others []listedSegment
	for _, s := range listed {
		switch {
		case s.stale():
			stale = append(stale, s)
		case s.size.and(s.size).fits(l.Largest):
			// The larger ones are left out: each merge would write them again for a few entries
			// more. Any two of the others fit into one.
			others = append(others, s)
		}
	}
	n, sum := 0, int64(0)
	for n < len(others) && (n+len(stale) < l.Least-1 || others[n].Size <= 2*sum) {
		sum += others[n].Size
		n++
	}
	switch {
	case n+len(stale) >= l.Least:
	case len(stale) == 0 || !slices.ContainsFunc(stale, func(s listedSegment) bool { return !s.useless() }):
		n = min(len(stale), len(others), 1) // useless segments need another one to replace them
	default:
		n = 0
	}
	return append(stale, others[:n]...)
}

// group divides segments into groups that each fit into one segment. Useless segments are in the
// first group.
func (l Limits) group(listed []listedSegment) (groups [][]listedSegment) {
	var first, group []listedSegment
	var sum SegmentSize
	for _, s := range listed {
		if s.useless() {
			first = append(first, s)
			continue
		}
		if len(group) == mergeMost || !sum.and(s.size).fits(l.Largest) {
			groups, group, sum = append(groups, group), nil, SegmentSize{}
		}
		group, sum = append(group, s), sum.and(s.size)
	}
	if len(group) > 0 {
		groups = append(groups, group)
	}
	if len(groups) > 0 {
		groups[0] = append(groups[0], first...)
	}
	return groups
}

// listSegments lists the segments and reads which others each replaces. It leaves out those that
// cannot be read.
func (x *indexMerger) listSegments(ctx context.Context) (all []listedSegment, err error) {
	for o, err := range x.r.List(ctx, format.KindIndex, "index") {
		if err != nil {
			return nil, err
		}
		hash, _ := store.Hash(o.Name)
		all = append(all, listedSegment{Object: o, hash: hash})
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(segmentsAtOnce)
	for i := range all {
		group.Go(func() error { return x.readTable(groupCtx, &all[i]) })
	}
	if err := group.Wait(); err != nil {
		return nil, cmp.Or(context.Cause(ctx), err)
	}
	return slices.DeleteFunc(all, func(s listedSegment) bool { return s.size.Packs == 0 }), nil
}

// segmentsAtOnce is the number of segments that a prune reads at once.
const segmentsAtOnce = 32

// readTable reads what merging needs of a segment. The segment has no packs if it cannot be read.
func (x *indexMerger) readTable(ctx context.Context, s *listedSegment) error {
	src := ranges.NewReader(ctx, x.r.Store, s.Object, 0)
	plain, size, err := format.UnsealAt(src, s.Size, x.r.Seals.Writer)
	var c *format.Container
	if err == nil {
		c, err = format.ParseContainer(plain, size, &x.r.Codec.Keys)
	}
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, store.ErrNotExist): // another prune was first
		return nil
	case objects.Concerns(err) || errors.Is(err, store.ErrRange):
		x.mu.Lock()
		defer x.mu.Unlock()
		x.leave(s.Name, err)
		return nil
	default:
		return fmt.Errorf("read %s: %w", s.Name, err)
	}
	x.describe(s, &c.Table)
	return nil
}

// describe sets what the table of a segment says.
func (x *indexMerger) describe(s *listedSegment, t *format.Table) {
	s.inputs, s.size.Packs = t.Inputs, len(t.Packs)
	for _, b := range t.Blocks {
		s.size.Entries += int(b.Entries)
	}
	for i := range t.Packs {
		if pack := t.Packs[i].Pack(); x.gone(pack) {
			s.gone = s.gone.and(SegmentSize{1, x.entries[pack]})
		}
	}
}

// removeReplaced deletes segments that another one replaces, if that one is a day old and has all
// their entries. It returns all segments that another one replaces, of any age.
func (x *indexMerger) removeReplaced(
	ctx context.Context, listed []listedSegment,
) (replaced map[[32]byte]bool, err error) {
	replaced = map[[32]byte]bool{}
	var doomed []store.Object
	for _, merged := range listed {
		var inputs []listedSegment
		for _, s := range listed {
			if slices.Contains(merged.inputs, s.hash) && !replaced[s.hash] {
				inputs = append(inputs, s)
				replaced[s.hash] = true
			}
		}
		if len(inputs) == 0 || x.now.Sub(merged.Time) < clock.Grace {
			continue
		}
		proven, err := x.replacedBy(ctx, merged, inputs)
		if err != nil {
			return nil, err
		}
		doomed = append(doomed, proven...)
	}
	_, err = x.remove(ctx, "index segments deleted", doomed, &x.report.Replaced)
	return replaced, err
}

// replacedBy reads the merged segment and its inputs whole, and returns the inputs whose entries it
// has.
func (x *indexMerger) replacedBy(
	ctx context.Context, merged listedSegment, inputs []listedSegment,
) (doomed []store.Object, err error) {
	whole, err := x.readSegment(ctx, merged, nil)
	if err != nil {
		return nil, x.leaveUnreadable(ctx, merged.Name, err)
	}
	var mu sync.Mutex
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(segmentsAtOnce)
	for _, s := range inputs {
		group.Go(func() error {
			sums, err := x.readSegment(groupCtx, s, nil)
			if err == nil {
				if missing := format.CheckCovers(whole, sums, x.gone); missing != nil {
					err = format.Damaged("%s should replace it: %v", merged.Name, missing)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				return x.leaveUnreadable(groupCtx, s.Name, err)
			}
			doomed = append(doomed, s.Object)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, cmp.Or(context.Cause(ctx), err)
	}
	return doomed, nil
}

// readSegment reads a segment whole and returns its digests. keep, if not nil, is called with the
// segment and returns what to call with each entry.
func (x *indexMerger) readSegment(
	ctx context.Context, s listedSegment, keep func(*format.Segment) func(format.Entry) error,
) (map[format.Pack]format.PackDigest, error) {
	seg, done, err := x.r.OpenSegment(ctx, s.Object, s.hash)
	if err != nil {
		return nil, err
	}
	defer done()
	var use func(format.Entry) error
	if keep != nil {
		use = keep(seg)
	}
	return seg.Digests(use)
}
