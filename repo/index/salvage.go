package index

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/mailstrata/mailstrata/repo/format"
)

// describeUnindexedOnce reads the tables of the packs that no segment describes, because a segment
// may be damaged or lost. It does so once in a process.
func (x *Index) describeUnindexedOnce(ctx context.Context) error {
	if err := x.lock(ctx); err != nil {
		return err
	}
	defer x.refreshing.Release(1)
	if x.described {
		return nil
	}
	return x.describeLocked(ctx)
}

// describeUnindexed reads the tables of the packs that nothing describes yet.
func (x *Index) describeUnindexed(ctx context.Context) error {
	if err := x.lock(ctx); err != nil {
		return err
	}
	defer x.refreshing.Release(1)
	return x.describeLocked(ctx)
}

// describeLocked is describeUnindexed for a caller that holds refreshing. It reads many tables at
// once.
func (x *Index) describeLocked(ctx context.Context) error {
	described := map[format.Pack]bool{}
	for pack := range x.Packs() {
		described[pack.Pack()] = true
	}
	draft := &description{x: x}
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(describers)
	err := x.o.Repository.EachPack(ctx, func(pack format.Pack, size int64) error {
		if !described[pack] {
			group.Go(func() error { return draft.add(groupCtx, pack, size) })
		}
		return groupCtx.Err()
	})
	err = cmp.Or(group.Wait(), err)
	if err == nil {
		err = x.keepDescribed(&draft.Draft)
	}
	x.described = err == nil
	return err
}

// describers is the number of tables that are read at once, each with up to 256 KiB of its pack.
const describers = 32

// description is what packs say of themselves.
type description struct {
	x  *Index
	mu sync.Mutex
	Draft
}

// add reads the table of a pack. It leaves out a pack that cannot be read.
func (d *description) add(ctx context.Context, pack format.Pack, size int64) error {
	row, lanes, err := d.x.o.Repository.DescribePack(ctx, pack, size)
	if err != nil && (ctx.Err() != nil || !format.ConcernsObject(err)) {
		return fmt.Errorf("read %s: %w", pack, err)
	}
	if err != nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.Add(row, lanes)
	if !d.Full() {
		return nil
	}
	return d.x.keepDescribed(&d.Draft)
}

// keepDescribed adds a file of packs that no segment describes. Only this process uses it.
func (x *Index) keepDescribed(d *Draft) error {
	if len(d.Packs) == 0 {
		return nil
	}
	var hashes [][32]byte
	for _, p := range d.Packs {
		hashes = append(hashes, p.Hash)
	}
	slices.SortFunc(d.Entries, format.Entry.Compare)
	err := x.files.writeDraft(*d, nil, hashes)
	*d = Draft{}
	return err
}
