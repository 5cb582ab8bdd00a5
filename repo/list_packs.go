package repo

import (
	"context"
	"fmt"
	"slices"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/store"
	"golang.org/x/sync/errgroup"
)

// eachPack calls use for every pack in the store that the key opens. It lists the kinds at once.
func (o *objects) eachPack(ctx context.Context, use func(p format.Pack, o store.Object) error) error {
	var listed [len(format.PackKinds)][]store.Object
	group, groupCtx := errgroup.WithContext(ctx)
	for i, kind := range format.PackKinds {
		if _, err := o.seals.identity(kind); err != nil {
			continue
		}
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
	for _, found := range slices.Concat(listed[:]...) {
		if pack, ok := format.ParsePack(found.Name); ok {
			if err := use(pack, found); err != nil {
				return err
			}
		}
	}
	return nil
}
