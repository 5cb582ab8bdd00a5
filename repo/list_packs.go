package repo

import (
	"context"
	"fmt"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/store"
)

// eachPack calls use for every pack in the store that the key opens.
func (o *objects) eachPack(ctx context.Context, use func(p format.Pack, o store.Object) error) error {
	for _, kind := range format.PackKinds {
		if _, err := o.seals.identity(kind); err != nil {
			continue
		}
		for found, err := range o.store.List(ctx, kind.Folder()) {
			if err != nil {
				return fmt.Errorf("list the packs: %w", err)
			}
			if pack, ok := format.ParsePack(found.Name); ok {
				if err := use(pack, found); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
