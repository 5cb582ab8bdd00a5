package prune

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/index"
	"github.com/mailstrata/mailstrata/repo/internal/objects"
	"github.com/mailstrata/mailstrata/repo/store"
)

// merge makes one segment of several. It leaves out those that cannot be read or contradict others.
func (x *indexMerger) merge(ctx context.Context, listed []listedSegment) error {
	m := &merging{x: x, sums: map[format.Pack]format.PackDigest{}}
	defer m.close()
	now := objects.Progress{Step: "index segments merged", Of: int64(len(listed))}
	for _, s := range listed {
		now.AllBytes += s.Size
	}
	for _, s := range listed {
		if s.useless() {
			m.taken = append(m.taken, s)
		} else if err := m.take(ctx, s); err != nil {
			if err = x.leaveUnreadable(ctx, s.Name, err); err != nil {
				return err
			}
		}
		now.Done, now.Bytes = now.Done+1, now.Bytes+s.Size
		x.step(now)
	}
	merged := index.NewUnion(m.files, func(row *format.PackRow) bool { return x.gone(row.Pack()) })
	if len(m.taken) < 2 && !slices.ContainsFunc(m.taken, func(s listedSegment) bool { return s.stale() }) ||
		len(merged.Packs) == 0 {
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
	return m.x.r.Cache.Do(func() error { return m.takeOnce(ctx, s) })
}

func (m *merging) takeOnce(ctx context.Context, s listedSegment) error {
	w, err := index.NewFileWriter(m.x.r.Cache.Indexes(), m.x.r.Codec)
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
	s, hash, err := r.WriteSegment(merged.Packs, func(yield func(format.Entry) bool) {
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
	err = r.PutFile(ctx, name, s.File, s.Size)
	if errors.Is(err, store.ErrExist) {
		// Without sealing, the merge of the same segments has the same name. The object that is
		// there is damaged, and was reported when the segments were listed.
		return nil
	}
	return err
}
