package objects

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/store"
)

// List lists the objects of a kind, without others in its folder. what names them in an error.
func (o *Objects) List(ctx context.Context, kind format.Kind, what string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		for found, err := range o.Store.List(ctx, kind.Folder()) {
			if err != nil {
				yield(found, fmt.Errorf("list the %s: %w", what, err))
				return
			}
			if of, ok := format.KindOf(found.Name); ok && of == kind && !yield(found, nil) {
				return
			}
		}
	}
}

// EachPack calls use for every pack in the store that the key opens.
func (o *Objects) EachPack(ctx context.Context, use func(p format.Pack, o store.Object) error) error {
	closed := func(kind format.Kind) bool {
		_, err := o.Seals.Identity(kind)
		return err != nil
	}
	return o.EachPackOf(ctx, slices.DeleteFunc(slices.Clone(format.PackKinds[:]), closed), use)
}

// EachPackOf calls use for every pack of some kinds in the store. It lists the kinds at once.
func (o *Objects) EachPackOf(
	ctx context.Context, kinds []format.Kind, use func(p format.Pack, o store.Object) error,
) error {
	listed := make([][]store.Object, len(kinds))
	group, groupCtx := errgroup.WithContext(ctx)
	for i, kind := range kinds {
		group.Go(func() error {
			for found, err := range o.Store.List(groupCtx, kind.Folder()) {
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
