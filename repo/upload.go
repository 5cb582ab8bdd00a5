package repo

import (
	"context"
	"fmt"

	"github.com/mailstrata/mailstrata/repo/format"
)

// uploaders is the number of packs that are put at once, while the next is built.
const uploaders = 2

// encodeFrames encodes frames until the writer ends.
func (w *Writer) encodeFrames() error {
	for {
		select {
		case <-w.ctx.Done():
			return nil
		case f := <-w.encode:
			err := w.r.codec.WithFrame(f.Content, func(stored []byte) error { return w.pack(f, stored) })
			if err != nil {
				w.fail(err)
			}
			w.free[format.PackNumber(f.Lane.Kind())] <- f // never blocks: the channel has room for all frames
			w.frames.Done()
		}
	}
}

// pack adds a frame to the pack of its kind.
func (w *Writer) pack(f *format.RawFrame, stored []byte) error {
	a := &w.kinds[format.PackNumber(f.Lane.Kind())]
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.pack != nil && !a.pack.takes(f, stored, a.target()) {
		if err := w.closePackLocked(a); err != nil {
			return err
		}
	}
	if a.pack == nil {
		p, err := newPack(w.r, f.Lane.Kind())
		if err != nil {
			return err
		}
		a.pack = p
	}
	return a.pack.add(f, stored)
}

// closePack finishes the pack that is being built, if there is one, and sends it to an uploader.
func (w *Writer) closePack(a *packBuilder) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return w.closePackLocked(a)
}

func (w *Writer) closePackLocked(a *packBuilder) error {
	if a.pack == nil {
		return nil
	}
	p := a.pack
	a.pack = nil
	done, err := p.finish(w.r)
	if err != nil {
		p.spool.Close()
		return err
	}
	a.closed += done.spool.Size
	w.packs.Add(1)
	select {
	case w.upload <- done:
		return nil
	case <-w.ctx.Done():
		w.packs.Done()
		p.spool.Close()
		return w.failure()
	}
}

// uploadPacks puts packs until the writer ends.
func (w *Writer) uploadPacks() error {
	for {
		select {
		case <-w.ctx.Done():
			return nil
		case p := <-w.upload:
			if err := w.uploadPack(p); err != nil {
				w.fail(err)
			}
			w.packs.Done()
		}
	}
}

func (w *Writer) uploadPack(p *sealedPack) error {
	if err := w.r.store.Put(w.ctx, p.Name(), p.spool.File, p.spool.Size); err != nil {
		p.spool.Close()
		return fmt.Errorf("store %s: %w", p.Name(), err)
	}
	w.stats.object(p.spool.Size)
	full, held := w.acknowledged(p)
	switch {
	case full:
		return w.putSegment(w.ctx)
	case held > w.maxHeld:
		return w.freeSpools(w.ctx)
	}
	return nil
}

// acknowledged adds a pack that the store has acknowledged to the next index segment. It reports whether the segment is full, and
// the number of bytes that wait in spools.
func (w *Writer) acknowledged(p *sealedPack) (full bool, held int64) {
	w.known.Lock()
	defer w.known.Unlock()
	d := &w.pending
	d.waiting, d.held = append(d.waiting, p), d.held+p.spool.Size
	d.Add(p.PackRow, p.lanes)
	p.lanes = nil // the entries hold the same
	return d.Full(), d.held
}

// putSegment puts an index segment of the packs that no segment names yet. From then on the index knows their chunks, and the
// writer forgets them.
func (w *Writer) putSegment(ctx context.Context) error {
	w.segments.Lock()
	defer w.segments.Unlock()
	w.known.Lock()
	draft := w.pending
	w.pending = pendingSegment{}
	w.known.Unlock()
	if len(draft.Packs) == 0 {
		return nil
	}
	if err := w.confirmWaiting(ctx, draft.waiting); err != nil {
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

// keepClaims lets the writer go on if the cache cannot be written: it remembers the chunks itself, up to maxClaims. What was
// stored by then is indexed, and another run uses it.
func (w *Writer) keepClaims(err error) error {
	w.known.Lock()
	defer w.known.Unlock()
	if len(w.claimed) <= w.maxClaims {
		return nil
	}
	return fmt.Errorf("more than %d new chunks to remember, because the cache cannot be written: %w", w.maxClaims, err)
}

func (w *Writer) release(entries []format.Entry) {
	w.known.Lock()
	defer w.known.Unlock()
	for _, e := range entries {
		delete(w.claimed, e.Prefix)
	}
}
