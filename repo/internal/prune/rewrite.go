package prune

import (
	"context"

	"golang.org/x/sync/semaphore"

	"github.com/mailstrata/mailstrata/repo/census"
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/objects"
)

// rewrite copies the needed chunks of sparse packs, and of small packs of which a generation has
// many, into new packs. Then nothing is kept in the old packs, and condemn condemns them.
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

// copy stores again, in new packs, the chunks of these packs that are kept and that no other pack
// holds. It returns the packs that it could read completely; the others stay as they are. A chunk
// that a run has stored in another pack in the meantime is not stored again.
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
	w, err := p.r.Writer(ctx, p.copying(packs))
	if err != nil {
		return nil, err
	}
	defer w.Close()
	c := &compaction{pruner: p, w: w, room: semaphore.NewWeighted(decodedAtOnce)}
	c.now = objects.Progress{Step: "packs repacked", Of: int64(len(packs))}
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
	put, bytes := w.Stored()
	p.report.Copied.Objects += int(put)
	p.report.Copied.Bytes += bytes
	return c.done, nil
}

// copying returns what a writer must know that copies from these packs.
func (p *pruner) copying(packs []*census.Pack) Copying {
	c := Copying{Listed: map[format.Pack]uint64{}, Avoid: map[format.Pack]bool{}, Compression: p.Compression}
	for pack, o := range p.packs {
		c.Listed[pack] = uint64(o.Size)
	}
	for _, s := range packs {
		c.Avoid[s.Pack()] = true
	}
	for _, s := range p.census.Packs() {
		if !s.Counts() && !s.Newer {
			c.Avoid[s.Pack()] = true
		}
	}
	return c
}
