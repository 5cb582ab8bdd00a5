package repo

import (
	"context"
	"fmt"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/index"
)

// putSegment puts an index segment of the packs that no segment names yet. Then the index knows
// their chunks, and the writer releases its claims on them.
func (w *Writer) putSegment(ctx context.Context) error {
	if err := w.segments.Acquire(ctx, 1); err != nil {
		return context.Cause(ctx)
	}
	defer w.segments.Release(1)
	w.mu.Lock()
	draft := w.pending
	w.pending = pendingSegment{}
	w.mu.Unlock()
	if len(draft.Packs) == 0 {
		return nil
	}
	if err := w.confirmListed(draft.waiting); err != nil {
		return err
	}
	hash, size, err := w.r.objects.PutSegment(ctx, draft.Packs, draft.Entries)
	if err != nil {
		return err
	}
	w.stats.object(size)
	if err := w.index.Add(ctx, draft.Draft, hash); err != nil {
		return w.keepClaims(err)
	}
	w.release(draft.Entries)
	return nil
}

// keepClaims is called if the index of this host cannot be written. It keeps the claims in memory,
// so that the writer can continue, and returns an error if there are more than maxClaims. The
// segment is in the store, and another run uses it.
func (w *Writer) keepClaims(err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.claimed) <= w.maxClaims {
		return nil
	}
	return fmt.Errorf("more than %d new chunks to remember, because the cache cannot be written: %w", w.maxClaims, err)
}

func (w *Writer) release(entries []format.Entry) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range entries {
		delete(w.claimed, e.Prefix)
	}
}

// pendingSegment collects the packs of the next index segment.
type pendingSegment struct {
	index.Draft
	waiting []*sealedPack // packs of the segment that the store has not listed yet
	held    int64         // bytes of waiting, on this host's disk
}
