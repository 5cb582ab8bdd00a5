package repo

import (
	"context"
	"fmt"

	"github.com/mailstrata/mailstrata/repo/format"
)

// rewrite copies the needed chunks of sparse packs, and of small packs if there are many, into new packs. Then nothing is kept in the
// old packs, and condemn condemns them.
func (p *pruner) rewrite(ctx context.Context) error {
	copied, err := p.copy(ctx, p.rewritten())
	if err != nil {
		return err
	}
	for _, s := range copied {
		p.report.Rewritten.add(int64(s.Size))
		s.kept = 0
	}
	return nil
}

// copy stores again, in new packs, the chunks of these packs that are kept and that no other pack holds. It returns the
// packs that it could read completely; the others stay as they are. A chunk that a run has stored in another pack in the
// meantime is not stored again.
func (p *pruner) copy(ctx context.Context, packs []*packState) (done []*packState, err error) {
	if len(packs) == 0 {
		return nil, nil
	}
	if p.DryRun {
		for _, s := range packs {
			p.report.Copied.Bytes += int64(s.Size) - s.unused()
		}
		return packs, nil
	}
	w, err := p.run.Writer(ctx)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	w.listed = map[format.Pack]uint64{}
	for pack, o := range p.packs {
		w.listed[pack] = uint64(o.Size)
	}
	w.avoid = map[format.Pack]bool{}
	for _, s := range packs {
		w.avoid[s.Pack()] = true
	}
	for _, s := range p.census.packs {
		if !s.counts() && !s.newer {
			w.avoid[s.Pack()] = true
		}
	}
	now := Progress{Step: "packs repacked", Of: int64(len(packs))}
	for _, s := range packs {
		now.AllBytes += int64(s.Size)
	}
	for _, s := range packs {
		err := p.copyPack(ctx, w, s)
		switch {
		case err == nil:
			done = append(done, s)
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case !concernsObject(err):
			return nil, fmt.Errorf("copy from %s: %w", s.Name(), err)
		default:
			p.report.Unread++
			p.leave(s.Name(), err)
		}
		now.Done, now.Bytes = now.Done+1, now.Bytes+int64(s.Size)
		p.step(now)
	}
	if err := w.Flush(ctx); err != nil {
		return nil, err
	}
	stats := w.Stats()
	p.report.Copied.Objects += int(stats.Objects)
	p.report.Copied.Bytes += stats.Stored
	return done, nil
}

func (p *pruner) copyPack(ctx context.Context, w *Writer, s *packState) error {
	row, lanes, err := p.r.inspectPack(ctx, s.Pack(), int64(s.Size), false, new(Checked))
	if err != nil {
		return err
	}
	if !row.Equal(&s.PackRow) {
		return format.Damaged("the index describes it differently")
	}
	rd := p.r.Reader(ReaderOptions{CacheBytes: 1})
	for i, f := range describedByItself(row, lanes) {
		if err := p.copyFrame(ctx, w, rd, s, f); err != nil {
			return fmt.Errorf("frame %d of %d: %w", i+1, len(lanes), err)
		}
	}
	return nil
}

func (p *pruner) copyFrame(ctx context.Context, w *Writer, rd *Reader, s *packState, f describedFrame) error {
	var content []byte
	for _, c := range f.content {
		wanted, err := p.wanted(s, c.prefix)
		if err != nil {
			return err
		}
		if !wanted {
			continue
		}
		if content == nil {
			if content, err = rd.fetchFrame(ctx, f.Frame); err != nil {
				return err
			}
		}
		data := content[c.offset:][:c.length]
		if p.r.chunkID(data).Prefix() != c.prefix {
			return format.Damaged("its bytes do not hash to the ID of chunk %s", c.prefix)
		}
		if _, _, err := w.Put(ctx, f.lane, data); err != nil {
			return err
		}
	}
	return nil
}
