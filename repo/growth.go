package repo

import (
	"context"
	"fmt"
	"time"

	"github.com/mailstrata/mailstrata/repo/format"
	"golang.org/x/sync/errgroup"
)

// PackBytes returns the size of all packs in the store, and of those that came after a time. It lists them and reads none, so any key
// is enough. Packs that a prune wrote count as others do.
func (r *Repo) PackBytes(ctx context.Context, after time.Time) (all, added int64, err error) {
	var sums [len(format.PackKinds)]struct{ all, added int64 }
	group, groupCtx := errgroup.WithContext(ctx)
	for i, kind := range format.PackKinds {
		group.Go(func() error {
			for o, err := range r.store.List(groupCtx, kind.Folder()) {
				if err != nil {
					return fmt.Errorf("list the packs: %w", err)
				}
				if _, ok := format.ParsePack(o.Name); !ok {
					continue
				}
				sums[i].all += o.Size
				if o.Time.After(after) {
					sums[i].added += o.Size
				}
			}
			return nil
		})
	}
	err = group.Wait()
	for _, s := range sums {
		all, added = all+s.all, added+s.added
	}
	return all, added, err
}
