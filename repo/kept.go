package repo

import (
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sync/errgroup"
)

// Some stores acknowledge an object and do not keep it: a disk cache loses power, a proxy fails, a disk is full. So a writer
// lists each object by its name before it puts another that relies on it: packs before the index segment that names them,
// the segment before the manifest. What is missing is put once more.

// ErrNotKept: the store acknowledged an object twice and does not list it.
var ErrNotKept = errors.New("the store acknowledged this object and did not keep it, so nothing that needs it was committed")

// putKept puts an object and checks that the store lists it with its size.
func (r *Repo) putKept(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	if err := r.store.Put(ctx, name, body, size); err != nil {
		return fmt.Errorf("store %s: %w", name, err)
	}
	return r.seeKept(ctx, name, body, size)
}

// seeKept checks that the store lists an object that was put. If it does not, seeKept puts it again, once.
func (r *Repo) seeKept(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	kept, err := r.lists(ctx, name, size)
	if err != nil || kept {
		return err
	}
	if err := r.store.Put(ctx, name, body, size); err != nil {
		return fmt.Errorf("store %s again: %w", name, err)
	}
	if kept, err = r.lists(ctx, name, size); err == nil && !kept {
		err = fmt.Errorf("%s: %w", name, ErrNotKept)
	}
	return err
}

// lists reports whether the store lists an object of that size.
func (r *Repo) lists(ctx context.Context, name string, size int64) (bool, error) {
	for o, err := range r.store.List(ctx, name) {
		if err != nil {
			return false, fmt.Errorf("look for %s: %w", name, err)
		}
		if o.Name == name {
			return o.Size == size, nil
		}
	}
	return false, nil
}

// keptAtOnce is the number of packs that are listed at once.
const keptAtOnce = 8

// heldSpools bounds the bytes of packs on this host's disk that the store has not listed yet, besides those under way.
const heldSpools = 256 << 20

// seeWaiting checks that the store lists the packs that wait in their spools. The caller holds w.segments, so that no index
// segment names a pack before that.
func (w *Writer) seeWaiting(ctx context.Context, packs []*sealedPack) error {
	defer closeSpools(packs)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(keptAtOnce)
	for _, p := range packs {
		group.Go(func() error {
			err := w.r.seeKept(ctx, p.Name(), p.spool.File, p.spool.Size)
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

// easeSpools checks the waiting packs and removes their spools, because these exceed what this host's disk should hold.
func (w *Writer) easeSpools(ctx context.Context) error {
	w.segments.Lock()
	defer w.segments.Unlock()
	w.known.Lock()
	packs := w.pending.waiting
	w.pending.waiting, w.pending.held = nil, 0
	w.known.Unlock()
	return w.seeWaiting(ctx, packs)
}
