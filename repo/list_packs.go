package repo

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/store"
	"golang.org/x/sync/errgroup"
)

// eachPack calls use for every pack in the store that the key opens.
func (o *objects) eachPack(ctx context.Context, use func(p format.Pack, o store.Object) error) error {
	closed := func(kind format.Kind) bool {
		_, err := o.seals.identity(kind)
		return err != nil
	}
	return o.eachPackOf(ctx, slices.DeleteFunc(slices.Clone(format.PackKinds[:]), closed), use)
}

// eachPackOf calls use for every pack of some kinds in the store. It lists the kinds at once.
func (o *objects) eachPackOf(ctx context.Context, kinds []format.Kind, use func(p format.Pack, o store.Object) error) error {
	listed := make([][]store.Object, len(kinds))
	group, groupCtx := errgroup.WithContext(ctx)
	for i, kind := range kinds {
		group.Go(func() error {
			for found, err := range o.store.List(groupCtx, kind.Folder()) {
				if err != nil {
					return fmt.Errorf("list the packs: %w", err)
				}
				listed[i] = append(listed[i], found)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, found := range slices.Concat(listed...) {
		if pack, ok := format.ParsePack(found.Name); ok {
			if err := use(pack, found); err != nil {
				return err
			}
		}
	}
	return nil
}

// PackBytes returns the size of all packs in the store, and of those that came after a time. It lists them and reads none, so any key
// is enough. Packs that a prune wrote count as others do.
func (r *Repo) PackBytes(ctx context.Context, after time.Time) (all, added int64, err error) {
	err = r.eachPackOf(ctx, format.PackKinds[:], func(_ format.Pack, o store.Object) error {
		all += o.Size
		if o.Time.After(after) {
			added += o.Size
		}
		return nil
	})
	return all, added, err
}
