package repo

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/mailstrata/mailstrata/repo/store"
	"golang.org/x/sync/errgroup"
)

// Now returns the time by the store's clock.
func (r *Repo) Now(ctx context.Context) (time.Time, error) { return r.now(ctx) }

// RetainedUntil returns the time until which the store retains any version of these objects, by the present locks. It is zero
// if the repository is not under lock, or if the store does not say.
func (r *Repo) RetainedUntil(ctx context.Context, names []string) (latest time.Time, err error) {
	v, ok := r.store.(*vault)
	if !ok || r.Lock() == nil {
		return time.Time{}, nil
	}
	wanted := make(map[string]bool, len(names))
	for _, name := range names {
		wanted[name] = true
	}
	var mu sync.Mutex
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(renewers)
	for _, kind := range []Kind{KindData, KindCatalog, KindManifest} {
		for versions, err := range v.histories(ctx, kind.folder()) {
			if err != nil {
				if errors.Is(err, store.ErrPermission) {
					return time.Time{}, group.Wait()
				}
				return time.Time{}, errors.Join(fmt.Errorf("list the versions: %w", err), group.Wait())
			}
			for _, version := range versions {
				if !wanted[version.Name] || version.Marker {
					continue
				}
				group.Go(func() error {
					until, err := v.retainer().RetainedUntil(groupCtx, version.Name, version.ID)
					if errors.Is(err, store.ErrPermission) || errors.Is(err, store.ErrNotExist) {
						return nil
					}
					mu.Lock()
					defer mu.Unlock()
					if until.After(latest) {
						latest = until
					}
					return err
				})
			}
		}
	}
	return latest, group.Wait()
}
