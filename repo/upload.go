package repo

import (
	"context"
	"fmt"

	"github.com/mailstrata/mailstrata/repo/format"
)

// uploaders is how many packs are put at once, while the next is built.
const uploaders = 2

// encodeFrames is an encoder at work, until the writer ends.
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
			w.free[format.PackNumber(f.Lane.Kind())] <- f // never blocks: there is room for all
			w.frames.Done()
		}
	}
}

// pack puts a frame into the pack of its kind that is being built.
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

// closePack finishes the pack that is being built, if there is one, and hands it to an uploader.
func (w *Writer) closePack(a *assembly) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return w.closePackLocked(a)
}

func (w *Writer) closePackLocked(a *assembly) error {
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

// uploadPacks is an uploader at work, until the writer ends.
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
	entries, held := w.acknowledged(p)
	switch {
	case entries >= draftEntries:
		return w.putSegment(w.ctx)
	case held > w.maxHeld:
		return w.easeSpools(w.ctx)
	}
	return nil
}

// acknowledged adds a pack that the store acknowledged to the next index segment. It returns the number of entries in the
// segment, and the number of bytes that wait in spools.
func (w *Writer) acknowledged(p *sealedPack) (entries int, held int64) {
	w.known.Lock()
	defer w.known.Unlock()
	d := &w.pending
	d.waiting, d.held = append(d.waiting, p), d.held+p.spool.Size
	format.PackEntries(p.lanes, d.frames, func(e format.Entry) { d.entries = append(d.entries, e) })
	d.packs = append(d.packs, p.PackRow)
	d.frames += uint32(len(p.Stored))
	p.lanes = nil // the entries say it
	return len(d.entries), d.held
}

// putSegment puts an index segment of the packs that the store has and no segment names yet. From then on the index knows
// their chunks, and the writer need not.
func (w *Writer) putSegment(ctx context.Context) error {
	w.segments.Lock()
	defer w.segments.Unlock()
	w.known.Lock()
	draft := w.pending
	w.pending = segmentDraft{}
	w.known.Unlock()
	if len(draft.packs) == 0 {
		return nil
	}
	if err := w.seeWaiting(ctx, draft.waiting); err != nil {
		return err
	}
	s, hash, err := w.r.writeSegment(draft.packs, format.Sorted(draft.entries), format.Table{})
	if err != nil {
		return err
	}
	defer s.Close()
	name := format.ObjectName(format.KindIndex, hash)
	if err := w.r.putKept(ctx, name, s.File, s.Size); err != nil {
		return err
	}
	w.stats.object(s.Size)
	if err := w.index.learn(ctx, draft, hash); err != nil {
		return w.bearClaims(err)
	}
	w.release(draft.entries)
	return nil
}

// bearClaims goes on where the cache cannot be written: the chunks stay claimed, up to what memory shall hold. What was
// stored until then is indexed, and another run goes on from there.
func (w *Writer) bearClaims(err error) error {
	w.known.Lock()
	defer w.known.Unlock()
	if len(w.claimed) <= w.maxClaims {
		return nil
	}
	return fmt.Errorf("more than %d new chunks must be kept in mind, for the cache cannot be written: %w", w.maxClaims, err)
}

func (w *Writer) release(entries []format.Entry) {
	w.known.Lock()
	defer w.known.Unlock()
	for _, e := range entries {
		delete(w.claimed, e.Prefix)
	}
}

// learn adds a segment that this host wrote itself, so that it need not be fetched.
func (x *index) learn(ctx context.Context, draft segmentDraft, hash [32]byte) error {
	segments := [][32]byte{hash}
	if err := x.keep(draft, segments, segments); err != nil {
		return err
	}
	x.refreshing.Lock()
	whole := x.compact()
	x.refreshing.Unlock()
	if whole {
		return nil
	}
	return x.refresh(ctx)
}

// keep makes a flat file of a draft, whose entries ascend, and uses it. It is named by the hashes in named.
func (x *index) keep(draft segmentDraft, segments [][32]byte, named [][32]byte) error {
	return x.r.cache.do(func() error { return x.keepOnce(draft, x.path(named), segments) })
}

func (x *index) keepOnce(draft segmentDraft, path string, segments [][32]byte) error {
	w, err := newFlatWriter(x.r.cache.indexes(), x.r.flatOwner())
	if err != nil {
		return err
	}
	for _, e := range draft.entries {
		if err := w.add(e); err != nil {
			w.abandon()
			return err
		}
	}
	return x.publish(w, path, draft.packs, segments, nil)
}
