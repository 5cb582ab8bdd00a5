package index

import (
	"context"
	"fmt"
	"slices"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/object"
)

// salvage asks the packs that no segment at hand describes what they hold: a segment may be damaged or lost, and mail
// is wanted. It does so once; the answer is kept for this process only.
func (x *Index) describeUnindexedOnce(ctx context.Context) error {
	x.refreshing.Lock()
	defer x.refreshing.Unlock()
	if x.described {
		return nil
	}
	return x.describeUnindexed(ctx)
}

// salvageAnew asks those packs that were not described then either. The caller holds refreshing.
func (x *Index) describeUnindexed(ctx context.Context) error {
	described := map[format.Pack]bool{}
	for pack := range x.Packs() {
		described[pack.Pack()] = true
	}
	var draft Draft
	err := x.Source.EachPack(ctx, func(pack format.Pack, size int64) error {
		if described[pack] {
			return nil
		}
		row, lanes, err := x.Source.DescribePack(ctx, pack, size)
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

func (x *Index) keepDescribed(d *Draft) error {
	if len(d.Packs) == 0 {
		return nil
	}
	var hashes [][32]byte
	for _, p := range d.Packs {
		hashes = append(hashes, p.Hash)
	}
	slices.SortFunc(d.Entries, format.Entry.Compare)
	err := x.keep(*d, nil, hashes)
	*d = Draft{}
	return err
}
