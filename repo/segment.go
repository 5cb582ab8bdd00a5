package repo

import (
	"context"
	"fmt"
	"iter"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/index"
)

// writeSegment writes an index segment of packs and ascending entries to a spool, which the caller closes. For a segment
// that replaces others, merged has its Inputs and Proofs.
func (o *objects) writeSegment(packs []format.PackRow, entries iter.Seq[format.Entry], merged format.Table) (*format.Spool, [32]byte, error) {
	var none [32]byte
	s, err := o.cache.Spool(o.seals.recipients(format.KindIndex))
	if err != nil {
		return nil, none, err
	}
	hash, err := o.codec.WriteSegment(s, packs, entries, merged)
	if err != nil {
		s.Close()
		return nil, none, fmt.Errorf("make an index segment: %w", err)
	}
	return s, hash, nil
}

// putSegment puts an index segment of the packs that no segment names yet. Then the index knows their chunks, and the
// writer releases its claims on them.
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
	s, hash, err := w.r.writeSegment(draft.Packs, format.Sorted(draft.Entries), format.Table{})
	if err != nil {
		return err
	}
	defer s.Close()
	name := format.ObjectName(format.KindIndex, hash)
	if err := w.r.putKept(ctx, name, s.File, s.Size); err != nil {
		return err
	}
	w.stats.object(s.Size)
	if err := w.index.Add(ctx, draft.Draft, hash); err != nil {
		return w.keepClaims(err)
	}
	w.release(draft.Entries)
	return nil
}

// keepClaims is called if the index of this host cannot be written. It keeps the claims in memory, so that the writer can
// continue, and returns an error if there are more than maxClaims. The segment is in the store, and another run uses it.
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
