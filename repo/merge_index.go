package repo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/index"
	"github.com/mailstrata/mailstrata/repo/object"
	"github.com/mailstrata/mailstrata/repo/store"
)

// Each run adds a segment or two. Merging keeps them few, so that a host without a cache need not fetch thousands (rule 10).
// Segments of similar size are merged, so each entry is written only a few times. The inputs are deleted a day later, so that
// other hosts can finish reading them, and only after the merged segment was read whole and compared with them.
var mergeLeast = 8 // the fewest segments that are merged; tests set 2

const mergeMost = 256 // the most segments that are merged at once: each is an open file

// segmentSize is the size of a segment, or a limit of it.
type segmentSize struct {
	packs, entries int
}

// largestSegment is what the format allows; tests allow less.
var largestSegment = segmentSize{packs: format.MaxElements, entries: format.MaxContent / format.EntrySize}

func (s segmentSize) and(t segmentSize) segmentSize {
	return segmentSize{s.packs + t.packs, s.entries + t.entries}
}

func (s segmentSize) fits(largest segmentSize) bool {
	return s.packs <= largest.packs && s.entries <= largest.entries
}

// listedSegment is an index segment and what merging needs of it.
type listedSegment struct {
	store.Object
	hash   [32]byte
	size   segmentSize
	inputs [][32]byte
}

// indexMerger merges index segments for a prune (rule 10).
type indexMerger struct{ *survey }

func (x *indexMerger) run(ctx context.Context) error {
	listed, err := x.listSegments(ctx)
	if err != nil {
		return err
	}
	replaced, err := x.removeReplaced(ctx, listed)
	if err != nil {
		return err
	}
	listed = slices.DeleteFunc(listed, func(s listedSegment) bool { return replaced[s.hash] })
	// Leave out those of more than half the largest size: each merge would write them again for a few entries more. Any two of
	// the others fit into one.
	listed = slices.DeleteFunc(listed, func(s listedSegment) bool { return !s.size.and(s.size).fits(largestSegment) })
	slices.SortStableFunc(listed, func(a, b listedSegment) int { return cmp.Compare(a.Size, b.Size) })
	n, sum := 0, int64(0)
	for n < len(listed) && (n < mergeLeast-1 || listed[n].Size <= 2*sum) {
		sum += listed[n].Size
		n++
	}
	if n < mergeLeast {
		return nil
	}
	for _, some := range group(listed[:n]) {
		if err := x.merge(ctx, some); err != nil {
			return err
		}
	}
	return nil
}

// group divides segments into groups that each fit into one segment.
func group(listed []listedSegment) (groups [][]listedSegment) {
	var group []listedSegment
	var sum segmentSize
	for _, s := range listed {
		if len(group) == mergeMost || !sum.and(s.size).fits(largestSegment) {
			groups, group, sum = append(groups, group), nil, segmentSize{}
		}
		group, sum = append(group, s), sum.and(s.size)
	}
	return append(groups, group)
}

// listSegments lists the segments and reads which others each replaces. It leaves out those that cannot be read.
func (x *indexMerger) listSegments(ctx context.Context) (all []listedSegment, err error) {
	for o, err := range x.r.listKind(ctx, format.KindIndex, "index") {
		if err != nil {
			return nil, err
		}
		hash, _ := store.Hash(o.Name)
		all = append(all, listedSegment{Object: o, hash: hash})
	}
	read := all[:0]
	for _, s := range all {
		src := object.NewReader(ctx, x.r.store, s.Object, 0)
		plain, size, err := format.UnsealAt(src, s.Size, x.r.seals.writer)
		var c *format.Container
		if err == nil {
			c, err = format.ParseContainer(plain, size, &x.r.codec.Keys)
		}
		switch {
		case err == nil:
			s.inputs, s.size.packs = c.Table.Inputs, len(c.Table.Packs)
			for _, b := range c.Table.Blocks {
				s.size.entries += int(b.Entries)
			}
			read = append(read, s)
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case errors.Is(err, store.ErrNotExist): // another prune was first
		case concernsObject(err) || errors.Is(err, store.ErrRange):
			x.leave(s.Name, err)
		default:
			return nil, fmt.Errorf("read %s: %w", s.Name, err)
		}
	}
	return read, nil
}

// removeReplaced deletes segments that another one replaces, if that one is a day old and has all their entries. It returns all
// segments that another one replaces, of any age.
func (x *indexMerger) removeReplaced(ctx context.Context, listed []listedSegment) (replaced map[[32]byte]bool, err error) {
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
		if len(inputs) == 0 || x.now.Sub(merged.Time) < Grace {
			continue
		}
		proven, err := x.replacedBy(ctx, merged, inputs)
		if err != nil {
			return nil, err
		}
		doomed = append(doomed, proven...)
	}
	return replaced, x.remove(ctx, "index segments deleted", doomed, &x.report.Replaced)
}

// replacedBy reads the merged segment and its inputs whole, and returns the inputs whose entries it has.
func (x *indexMerger) replacedBy(ctx context.Context, merged listedSegment, inputs []listedSegment) (doomed []store.Object, err error) {
	whole, err := x.readSegment(ctx, merged, nil)
	if err != nil {
		return nil, x.leaveUnreadable(ctx, merged.Name, err)
	}
	for _, s := range inputs {
		sums, err := x.readSegment(ctx, s, nil)
		if err == nil {
			if missing := format.CheckCovers(whole, sums, x.gone); missing != nil {
				err = format.Damaged("%s should replace it: %v", merged.Name, missing)
			}
		}
		if err != nil {
			if err = x.leaveUnreadable(ctx, s.Name, err); err != nil {
				return nil, err
			}
			continue
		}
		doomed = append(doomed, s.Object)
	}
	return doomed, nil
}

// readSegment reads a segment whole and returns its digests. keep, if not nil, is called with the segment and returns what to
// call with each entry.
func (x *indexMerger) readSegment(ctx context.Context, s listedSegment, keep func(*format.Segment) func(format.Entry) error) (map[format.Pack]format.PackDigest, error) {
	seg, done, err := x.r.fetchSegment(ctx, s.Name, s.hash)
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

// merge makes one segment of several. It leaves out those that cannot be read or contradict others.
func (x *indexMerger) merge(ctx context.Context, listed []listedSegment) error {
	m := &merging{x: x, sums: map[format.Pack]format.PackDigest{}}
	defer m.close()
	now := Progress{Step: "index segments merged", Of: int64(len(listed))}
	for _, s := range listed {
		now.AllBytes += s.Size
	}
	for _, s := range listed {
		if err := m.take(ctx, s); err != nil {
			if err = x.leaveUnreadable(ctx, s.Name, err); err != nil {
				return err
			}
		}
		now.Done, now.Bytes = now.Done+1, now.Bytes+s.Size
		x.step(now)
	}
	merged := index.NewUnion(m.files, func(row *format.PackRow) bool { return x.gone(row.Pack()) })
	if len(m.files) < 2 || len(merged.Packs) == 0 {
		return nil
	}
	for _, s := range m.taken {
		x.report.Segments.add(s.Size)
	}
	if x.DryRun {
		return nil
	}
	return m.put(ctx)
}

// merging is one merge: its inputs as index files, and the digests of their packs.
type merging struct {
	x     *indexMerger
	files []*index.File
	taken []listedSegment
	sums  map[format.Pack]format.PackDigest
}

func (m *merging) close() {
	for _, f := range m.files {
		f.Remove()
	}
}

// take reads an input into a file.
func (m *merging) take(ctx context.Context, s listedSegment) error {
	return m.x.r.cache.do(func() error { return m.takeOnce(ctx, s) })
}

func (m *merging) takeOnce(ctx context.Context, s listedSegment) error {
	w, err := index.NewFileWriter(m.x.r.cache.indexes(), m.x.r.codec)
	if err != nil {
		return err
	}
	var packs []format.PackRow
	sums, err := m.x.readSegment(ctx, s, func(seg *format.Segment) func(format.Entry) error {
		packs = seg.Packs
		return w.Add
	})
	if err == nil {
		if other := format.CheckCovers(m.sums, sums, func(format.Pack) bool { return true }); other != nil {
			err = format.Damaged("another segment contradicts it: %v", other)
		}
	}
	if err != nil {
		w.Abandon()
		return err
	}
	f, err := w.Finish(w.Name(), packs, [][32]byte{s.hash}, nil)
	if err != nil {
		w.Abandon()
		return err
	}
	m.files, m.taken = append(m.files, f), append(m.taken, s)
	for pack, sum := range sums {
		m.sums[pack] = sum
	}
	return nil
}

// put writes the merged segment with the proofs of its inputs, reads it back, and puts it.
func (m *merging) put(ctx context.Context) error {
	r := m.x.r
	merged := index.NewUnion(m.files, func(row *format.PackRow) bool { return m.x.gone(row.Pack()) })
	t := format.Table{}
	for _, s := range m.taken {
		t.Inputs = append(t.Inputs, s.hash)
	}
	slices.SortFunc(t.Inputs, func(a, b [32]byte) int { return slices.Compare(a[:], b[:]) })
	for i := range merged.Packs {
		t.Proofs = append(t.Proofs, m.sums[merged.Packs[i].Pack()])
	}
	stop := errors.New("stopped")
	var failed error
	s, hash, err := r.writeSegment(merged.Packs, func(yield func(format.Entry) bool) {
		failed = merged.Each(func(e format.Entry) error {
			if !yield(e) {
				return stop
			}
			return nil
		})
	}, t)
	if err != nil {
		return errors.Join(err, failed)
	}
	defer s.Close()
	if failed != nil {
		return fmt.Errorf("merge index segments: %w", failed)
	}
	name := format.ObjectName(format.KindIndex, hash)
	return r.putKept(ctx, name, s.File, s.Size)
}
