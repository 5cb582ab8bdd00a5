package index

import (
	"context"
	"fmt"
	"slices"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/object"
)

// describeUnindexedOnce reads the tables of the packs that no segment describes, because a segment may be damaged or
// lost. It does so once in a process.
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

// describeLocked is describeUnindexed for a caller that holds refreshing.
func (x *Index) describeLocked(ctx context.Context) error {
	described := map[format.Pack]bool{}
	for pack := range x.Packs() {
		described[pack.Pack()] = true
	}
	var draft Draft
	err := x.o.Repository.EachPack(ctx, func(pack format.Pack, size int64) error {
		if described[pack] {
			return nil
		}
		row, lanes, err := x.o.Repository.DescribePack(ctx, pack, size)
		if err == nil {
			draft.Add(row, lanes)
		}
		if err != nil && (ctx.Err() != nil || !object.Concerns(err)) {
			return fmt.Errorf("read %s: %w", pack, err)
		}
		if !draft.Full() {
			return nil
		}
		return x.keepDescribed(&draft)
	})
	if err == nil {
		err = x.keepDescribed(&draft)
	}
	x.described = err == nil
	return err
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
