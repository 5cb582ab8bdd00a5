package repo

import (
	"context"

	"golang.org/x/sync/errgroup"
)

// keptAtOnce is the number of packs that are listed at once.
const keptAtOnce = 8

// heldSpools bounds the bytes of uploaded packs that stay on this host's disk until the store lists them.
const heldSpools = 256 << 20

// confirmWaiting checks that the store lists the packs that wait in their spools, and removes the spools. The caller holds
// w.segments, so that no index segment names a pack before that.
func (w *Writer) confirmWaiting(ctx context.Context, packs []*sealedPack) error {
	defer closeSpools(packs)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(keptAtOnce)
	for _, p := range packs {
		group.Go(func() error {
			err := w.r.ensureKept(ctx, p.Name(), p.spool.File, p.spool.Size)
			if err == nil {
				w.present.add(p.Pack(), p.Size)
			}
			return err
		})
	}
	return group.Wait()
}

func closeSpools(packs []*sealedPack) {
	for _, p := range packs {
		p.spool.Close()
	}
}

// freeSpools confirms the waiting packs early, because their spools take too much of this host's disk.
func (w *Writer) freeSpools(ctx context.Context) error {
	w.segments.Lock()
	defer w.segments.Unlock()
	w.known.Lock()
	packs := w.pending.waiting
	w.pending.waiting, w.pending.held = nil, 0
	w.known.Unlock()
	return w.confirmWaiting(ctx, packs)
}
