package repair

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/index"
	"github.com/mailstrata/mailstrata/repo/internal/objects"
	"github.com/mailstrata/mailstrata/repo/store"
)

// Repaired counts what Packs did.
type Repaired struct {
	Packs  int
	Chunks int64 // chunks that could be read, and are stored again
	Lost   int64 // chunks that could not be read; a check reports the messages that need them
}

// Repository is what a repair works on.
type Repository struct {
	*objects.Objects
	Index  func(context.Context) (*index.Index, error)
	Reader func() objects.ReadFrame                                              // reads frames, also the part before a damage
	Writer func(ctx context.Context, avoid map[format.Pack]bool) (Writer, error) // takes no chunk in these packs for stored
}

// Writer stores chunks that are not stored yet.
type Writer interface {
	Put(ctx context.Context, lane format.Lane, data []byte) (id chunk.ID, added bool, err error)
	Flush(ctx context.Context) error
	Close() error
}

// Packs stores the chunks that it can still read of damaged or missing packs in new packs, and
// reports the frames that it cannot read. The caller condemns the packs.
func Packs(ctx context.Context, r Repository, packs []format.Pack, report func(objects.Problem)) (Repaired, error) {
	rp := &repairer{r: r, packs: packs, report: report}
	err := rp.run(ctx)
	return rp.done, err
}

type repairer struct {
	r      Repository
	packs  []format.Pack
	report func(objects.Problem)
	done   Repaired
}

func (rp *repairer) run(ctx context.Context) (err error) {
	avoid := make(map[format.Pack]bool)
	for _, p := range rp.packs {
		avoid[p] = true
	}
	w, err := rp.r.Writer(ctx, avoid)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	for _, p := range rp.packs {
		frames, err := rp.frames(ctx, p)
		if err != nil {
			return err
		}
		read := rp.r.Reader()
		for _, f := range frames {
			if err := rp.frame(ctx, w, read, f); err != nil {
				return err
			}
		}
		rp.done.Packs++
	}
	return w.Flush(ctx)
}

// frames returns the frames of a pack, from the table of the pack, or from the index if the table
// cannot be read.
func (rp *repairer) frames(ctx context.Context, p format.Pack) ([]objects.Frame, error) {
	for o, err := range rp.r.Store.List(ctx, p.String()) {
		if err != nil {
			return nil, fmt.Errorf("look for %s: %w", p, err)
		}
		row, lanes, err := rp.r.DescribePack(ctx, p, o.Size)
		if err == nil {
			return objects.Frames(row, lanes), nil
		}
		if ctx.Err() != nil || !objects.Concerns(err) {
			return nil, fmt.Errorf("read %s: %w", p, err)
		}
		rp.report(objects.Problem{Kind: objects.Broken, Object: p.String(), Err: err})
	}
	return rp.describedByIndex(ctx, p)
}

// describedByIndex returns the frames of a pack from the index. The index does not have their
// lanes, so all mail counts as text.
func (rp *repairer) describedByIndex(ctx context.Context, p format.Pack) ([]objects.Frame, error) {
	x, err := rp.r.Index(ctx)
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
			frames[i].Chunks = append(frames[i].Chunks, objects.Place{
				Prefix: e.Prefix, Offset: e.Offset, Length: e.Length,
			})
		}
	}
	for i := range frames {
		slices.SortFunc(frames[i].Chunks, func(a, b objects.Place) int { return cmp.Compare(a.Offset, b.Offset) })
	}
	return frames, nil
}

// frame stores again the chunks of a frame that match their IDs, and reports the others.
func (rp *repairer) frame(ctx context.Context, w Writer, read objects.ReadFrame, f objects.Frame) error {
	content, damage := read(ctx, f.Frame)
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
	rp.report(objects.Problem{
		Kind: objects.Broken, Object: f.Pack.String(),
		Err: fmt.Errorf("frame at %d, %d chunks lost: %w", f.Offset, chunks, err),
	})
}
