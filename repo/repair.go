package repo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/objects"
	"github.com/mailstrata/mailstrata/repo/store"
)

// Repaired counts what RepairPacks did.
type Repaired struct {
	Packs  int
	Chunks int64 // chunks that could be read, and are stored again
	Lost   int64 // chunks that could not be read; a check reports the messages that need them
}

// RepairPacks repairs packs that are damaged or missing. It stores the chunks that it can still read in new packs, reports the
// frames that it cannot read, and condemns the damaged packs. Then no run relies on their chunks, and the next backup stores
// again those that it meets. It needs the owner's key.
func (r *Repo) RepairPacks(ctx context.Context, packs []format.Pack, report func(Problem)) (Repaired, error) {
	if !r.CanRead() || !r.CanRemove() {
		return Repaired{}, fmt.Errorf("repairing packs needs the owner's key: %w", ErrNoRole)
	}
	rp := &repairer{r: r, packs: packs, report: report}
	if err := rp.run(ctx); err != nil {
		return rp.done, err
	}
	return rp.done, r.Condemn(ctx, packs)
}

type repairer struct {
	r      *Repo
	packs  []format.Pack
	report func(Problem)
	done   Repaired
}

func (rp *repairer) run(ctx context.Context) (err error) {
	run, err := rp.r.Begin(ctx)
	if err != nil {
		return err
	}
	w, err := run.Writer(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	w.avoid = make(map[format.Pack]bool)
	for _, p := range rp.packs {
		w.avoid[p] = true
	}
	for _, p := range rp.packs {
		frames, err := rp.frames(ctx, p)
		if err != nil {
			return err
		}
		rd := rp.r.Reader(ReaderOptions{CacheBytes: 1})
		for _, f := range frames {
			if err := rp.frame(ctx, w, rd, f); err != nil {
				return err
			}
		}
		rp.done.Packs++
	}
	return w.Flush(ctx)
}

// frames returns the frames of a pack, from the table of the pack, or from the index if the table cannot be read.
func (rp *repairer) frames(ctx context.Context, p format.Pack) ([]objects.Frame, error) {
	for o, err := range rp.r.objects.Store.List(ctx, p.String()) {
		if err != nil {
			return nil, fmt.Errorf("look for %s: %w", p, err)
		}
		row, lanes, err := rp.r.objects.DescribePack(ctx, p, o.Size)
		if err == nil {
			return objects.Frames(row, lanes), nil
		}
		if ctx.Err() != nil || !objects.Concerns(err) {
			return nil, fmt.Errorf("read %s: %w", p, err)
		}
		rp.report(Problem{Kind: Broken, Object: p.String(), Err: err})
	}
	return rp.describedByIndex(ctx, p)
}

// describedByIndex returns the frames of a pack from the index. The index does not have their lanes, so all mail counts as
// text.
func (rp *repairer) describedByIndex(ctx context.Context, p format.Pack) ([]objects.Frame, error) {
	x, err := rp.r.openIndex(ctx)
	if err != nil {
		return nil, err
	}
	row, entries, err := x.Describe(ctx, p)
	if err != nil || row == nil {
		return nil, err
	}
	lane := format.LaneText
	if p.Catalog {
		lane = format.LaneCatalog
	}
	frames := make([]objects.Frame, len(row.Stored))
	offset := row.Head
	for i := range frames {
		frames[i] = objects.Frame{Frame: row.Frame(i, offset), Lane: lane}
		offset += row.Stored[i]
		for _, e := range entries[i] {
			frames[i].Chunks = append(frames[i].Chunks, objects.Place{Prefix: e.Prefix, Offset: e.Offset, Length: e.Length})
		}
	}
	for i := range frames {
		slices.SortFunc(frames[i].Chunks, func(a, b objects.Place) int { return cmp.Compare(a.Offset, b.Offset) })
	}
	return frames, nil
}

// frame stores again the chunks of a frame that match their IDs, and reports the others.
func (rp *repairer) frame(ctx context.Context, w *Writer, rd *Reader, f objects.Frame) error {
	content, damage := rd.fetchFrame(ctx, f.Frame)
	if damage != nil && (ctx.Err() != nil || !objects.Concerns(damage) && !errors.Is(damage, store.ErrRange)) {
		return fmt.Errorf("read %s: %w", f.Pack, damage)
	}
	lost := 0
	defer func() {
		if lost > 0 {
			rp.lose(f, lost, damage)
		}
	}()
	for _, c := range f.Chunks {
		if uint64(c.Offset)+uint64(c.Length) > uint64(len(content)) {
			damage = cmp.Or(damage, format.Damaged("chunk %s ends outside its frame", c.Prefix))
			lost++
			continue
		}
		data := content[c.Offset:][:c.Length]
		if rp.r.ChunkID(data).Prefix() != c.Prefix {
			damage = cmp.Or(damage, format.Damaged("its bytes do not hash to the ID of chunk %s", c.Prefix))
			lost++
			continue
		}
		if _, _, err := w.Put(ctx, f.Lane, data); err != nil {
			return err
		}
		rp.done.Chunks++
	}
	return nil
}

func (rp *repairer) lose(f objects.Frame, chunks int, err error) {
	rp.done.Lost += int64(chunks)
	rp.report(Problem{Kind: Broken, Object: f.Pack.String(), Err: fmt.Errorf("frame at %d, %d chunks lost: %w", f.Offset, chunks, err)})
}
