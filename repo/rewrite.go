package repo

import (
	"context"

	"github.com/mailstrata/mailstrata/repo/census"
	"github.com/mailstrata/mailstrata/repo/format"
	"golang.org/x/sync/semaphore"
)

// rewrite copies the needed chunks of sparse packs, and of small packs of which a generation has many, into new packs. Then nothing is
// kept in the old packs, and condemn condemns them.
func (p *pruner) rewrite(ctx context.Context) error {
	copied, err := p.copy(ctx, p.plan().Rewritten())
	if err != nil {
		return err
	}
	for _, s := range copied {
		p.report.Rewritten.add(int64(s.Size))
		s.Copied()
	}
	return nil
}

// copy stores again, in new packs, the chunks of these packs that are kept and that no other pack holds. It returns the
// packs that it could read completely; the others stay as they are. A chunk that a run has stored in another pack in the
// meantime is not stored again.
func (p *pruner) copy(ctx context.Context, packs []*census.Pack) ([]*census.Pack, error) {
	if len(packs) == 0 {
		return nil, nil
	}
	if p.DryRun {
		for _, s := range packs {
			p.report.Copied.Bytes += int64(s.Size) - s.Unused()
		}
		return packs, nil
	}
	w, err := p.run.Writer(ctx)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	w.forPrune(p.Compression)
	w.listed = map[format.Pack]uint64{}
	for pack, o := range p.packs {
		w.listed[pack] = uint64(o.Size)
	}
	w.avoid = map[format.Pack]bool{}
	for _, s := range packs {
		w.avoid[s.Pack()] = true
	}
	for _, s := range p.census.Packs() {
		if !s.Counts() && !s.Newer {
			w.avoid[s.Pack()] = true
		}
	}
	c := &compaction{pruner: p, w: w, room: semaphore.NewWeighted(decodedAtOnce)}
	c.now = Progress{Step: "packs repacked", Of: int64(len(packs))}
	for _, s := range packs {
		c.now.AllBytes += int64(s.Size)
	}
	for _, some := range batches(packs) {
		if err := c.batch(ctx, some); err != nil {
			return nil, err
		}
	}
	if err := w.Flush(ctx); err != nil {
		return nil, err
	}
	stats := w.Stats()
	p.report.Copied.Objects += int(stats.Objects)
	p.report.Copied.Bytes += stats.Stored
	return c.done, nil
}

// forPrune prepares a writer, which has put nothing yet, for a prune: it fills every pack, because no server waits while the last one is
// uploaded. One stream puts all chunks, so fewer frames are enough, which may be large.
func (w *Writer) forPrune(c Compression) {
	for i := range w.builders {
		w.builders[i].fill = true
	}
	w.free = newFreeFrames(1, c)
}
