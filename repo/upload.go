package repo

import (
	"context"
	"errors"
	"fmt"
)

// uploaders is the number of packs that are put at once.
const uploaders = 2

// heldSpools bounds the bytes of uploaded packs that stay on this host's disk until the store lists
// them.
const heldSpools = 256 << 20

// uploadPacks puts packs until the writer ends. A failure ends the writer.
func (w *Writer) uploadPacks() error {
	for {
		select {
		case <-w.ctx.Done():
			return nil
		case p := <-w.upload:
			if err := w.uploadPack(p); err != nil {
				w.fail(err)
			}
			w.uploading.Done()
		}
	}
}

func (w *Writer) uploadPack(p *sealedPack) error {
	if err := w.r.objects.Store.Put(w.ctx, p.Name(), p.spool.File, p.spool.Size); err != nil {
		p.spool.Close()
		return fmt.Errorf("store %s: %w", p.Name(), err)
	}
	w.stats.object(p.spool.Size)
	p.kept = make(chan error, 1)
	w.workers.Go(func() error {
		p.kept <- w.r.objects.EnsureKept(w.ctx, p.Name(), p.spool.File, p.spool.Size)
		return nil
	})
	full, held := w.acknowledged(p)
	switch {
	case full:
		return w.putSegment(w.ctx)
	case held > w.maxHeld:
		return w.freeSpools(w.ctx)
	}
	return nil
}

// acknowledged adds a pack that the store has acknowledged to the next index segment. It reports
// whether the segment is full, and how many bytes are in the spools of packs that the store has not
// listed yet.
func (w *Writer) acknowledged(p *sealedPack) (full bool, held int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := &w.pending
	d.waiting, d.held = append(d.waiting, p), d.held+p.spool.Size
	d.Add(p.PackRow, p.lanes)
	p.lanes = nil // the entries hold the same
	return d.Full(), d.held
}

// freeSpools confirms the waiting packs before the segment is full, because their spools take too
// much of this host's disk.
func (w *Writer) freeSpools(ctx context.Context) error {
	if err := w.segments.Acquire(ctx, 1); err != nil {
		return context.Cause(ctx)
	}
	defer w.segments.Release(1)
	w.mu.Lock()
	packs := w.pending.waiting
	w.pending.waiting, w.pending.held = nil, 0
	w.mu.Unlock()
	return w.confirmListed(packs)
}

// confirmListed waits until the store has listed packs that it has acknowledged, and removes their
// spools. The caller holds w.segments, so that no index segment names a pack before it is
// confirmed.
func (w *Writer) confirmListed(packs []*sealedPack) error {
	defer closeSpools(packs)
	var failures []error
	for _, p := range packs {
		err := <-p.kept
		if err == nil {
			w.presence.add(p.Pack(), p.Size)
		}
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}

func closeSpools(packs []*sealedPack) {
	for _, p := range packs {
		p.spool.Close()
	}
}
