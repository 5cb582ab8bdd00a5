package repo

import (
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sync/errgroup"
)

// Some stores acknowledge an object and do not keep it: a cache before the disks that lost power, a proxy, a full disk. So
// whatever others will rely on is listed by its name before what relies on it is put: packs before the index segment that
// names them, the segment before the manifest. What is missing is put once more.

// ErrNotKept: the store acknowledged an object and does not list it, twice.
var ErrNotKept = errors.New("the store acknowledged this object and did not keep it: nothing that needs it was committed")

// putKept puts an object and sees the store list it, whole.
func (r *Repo) putKept(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	if err := r.store.Put(ctx, name, body, size); err != nil {
		return fmt.Errorf("store %s: %w", name, err)
	}
	return r.seeKept(ctx, name, body, size)
}

// seeKept sees the store list an object that was put. One that it does not is put again, once.
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

// keptAtOnce is how many packs are listed at once.
const keptAtOnce = 8

// heldSpools is how many bytes of packs stay on this host's disk until they are seen in the store, at the most but for those
// under way.
const heldSpools = 256 << 20

// seeWaiting sees the store list the packs that were put and wait in their spools. The caller holds w.segments, so that no
// index segment names a pack before that.
func (w *Writer) seeWaiting(ctx context.Context, packs []*sealedPack) error {
	defer closeSpools(packs)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(keptAtOnce)
	for _, p := range packs {
		group.Go(func() error {
			err := w.r.seeKept(ctx, p.name(), p.spool.file, p.spool.size)
			if err == nil {
				w.present.add(p.pack(), p.Size)
			}
			return err
		})
	}
	return group.Wait()
}

func closeSpools(packs []*sealedPack) {
	for _, p := range packs {
		p.spool.close()
	}
}

// easeSpools sees the store list what waits, where that is more than this host's disk should hold.
func (w *Writer) easeSpools(ctx context.Context) error {
	w.segments.Lock()
	defer w.segments.Unlock()
	w.known.Lock()
	packs := w.pending.waiting
	w.pending.waiting, w.pending.held = nil, 0
	w.known.Unlock()
	return w.seeWaiting(ctx, packs)
}
