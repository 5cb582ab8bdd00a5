package repo

import (
	"context"
	"fmt"
	"strings"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/store"
)

// eachPack calls use for every pack in the store that the key opens, with its size.
func (o *objects) eachPack(ctx context.Context, use func(p format.Pack, size int64) error) error {
	for _, kind := range format.PackKinds {
		if _, err := o.seals.identity(kind); err != nil {
			continue
		}
		for found, err := range o.store.List(ctx, kind.Folder()) {
			if err != nil {
				return fmt.Errorf("list the packs: %w", err)
			}
			hash, ok := store.ParseHash(strings.TrimPrefix(found.Name, kind.Folder()))
			if !ok {
				continue
			}
			if err := use(format.Pack{Catalog: kind == format.KindCatalog, Hash: hash}, found.Size); err != nil {
				return err
			}
		}
	}
	return nil
}
