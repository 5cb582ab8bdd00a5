package repo

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mailstrata/mailstrata/chunk"
)

// What was erased does not wait until enough of its pack is unused. It is what a manifest marked to be erased needs and no
// root does, and the chunks that erasures name, where no root needs them. Packs that hold such chunks are written anew or
// condemned, and only then the manifests go: they alone say what to look for.

// unmarkedFirst has manifests that stay followed before those that go: what both hold is seen in one that stays.
func unmarkedFirst(roots []Head) {
	slices.SortStableFunc(roots, func(a, b Head) int {
		switch {
		case a.Marked == b.Marked:
			return 0
		case b.Marked:
			return -1
		}
		return 1
	})
}

// followErased takes down what was erased, after all roots were followed.
func (p *pruning) followErased(ctx context.Context) error {
	if len(p.erased) == 0 && !p.erasures.HasMessages() {
		return nil
	}
	p.census.erased = make([]uint64, len(p.census.reached))
	for prefix := range p.erasures.chunks {
		if _, err := p.census.erase(prefix); err != nil {
			return err
		}
	}
	for _, h := range p.erased {
		err := p.walk(ctx, h, func(id chunk.ID) (bool, error) { return p.census.erase(id.Prefix()) })
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, ErrNoChunk) || ofTheObject(err):
			// What it alone held is unused, and goes when its packs are written anew for that.
			p.leave(h.Name, fmt.Errorf("not all that it held can be told from other unused data: mailstrata prune --max-unused 0 deletes that too: %w", err))
		case err != nil:
			return fmt.Errorf("follow %s: %w", h.Name, err)
		}
	}
	return nil
}

// erase notes that a chunk was erased, and tells whether that is news and no root needs it.
func (c *census) erase(prefix chunk.Prefix) (first bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	first = true
	err = c.flat.seek(prefix, c.buf, func(n int64, _ entry) bool {
		bit := uint64(1) << (n % 64)
		first = (c.reached[n/64]|c.erased[n/64])&bit == 0
		c.erased[n/64] |= bit
		return false
	})
	return first, err
}

// holdingErased chooses the packs that hold what was erased beside what is kept, but those that are chosen already.
func (p *pruning) holdingErased(but []*packState) (chosen []*packState) {
	for _, s := range p.ordered() {
		if s.erased > 0 && p.rewritable(s) && !slices.Contains(but, s) {
			chosen = append(chosen, s)
		}
	}
	return chosen
}

// removeErased deletes manifests that hold what was erased, once every pack with anything of it is condemned. Until then
// they stay, for a later prune.
func (p *pruning) removeErased(ctx context.Context) error {
	if p.erasing > 0 {
		return nil
	}
	var doomed []Object
	for _, h := range p.erased {
		doomed = append(doomed, Object{Name: h.Name, Size: h.Size})
	}
	return p.remove(ctx, "erased manifests deleted", doomed, &p.report.Manifests)
}
