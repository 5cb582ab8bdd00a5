package objectlock

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mailstrata/mailstrata/repo/store"
	"golang.org/x/sync/errgroup"
)

// atOnce is how many versions are asked about, or renewed, at once.
const atOnce = 16

// ErrDefault reports that the bucket does not retain what is put, as the lock relies on.
var ErrDefault = errors.New("the bucket's default retention is less than the lock needs, so what is put comes without it, or for too short a time: " +
	"set it anew, and find out who changed it")

// CheckDefault returns ErrDefault if the lock relies on the bucket's default retention, and that is too short. If the store does
// not say, there is no error.
func (v *Store) CheckDefault(ctx context.Context) error {
	if v.lock == nil || !v.lock.ByDefault {
		return nil
	}
	bucket, able := v.Store.(store.DefaultRetainer)
	if !able {
		return nil
	}
	does, err := bucket.RetainsByDefault(ctx, v.lock.Compliance, v.lock.TermDays())
	switch {
	case errors.Is(err, store.ErrPermission):
		return nil
	case err != nil:
		return fmt.Errorf("look at the bucket's default retention: %w", err)
	case !does:
		return fmt.Errorf("%w: %d days, %s", ErrDefault, v.lock.TermDays(), v.lock.Mode())
	}
	return nil
}

// Renew retains every object for the lock's term from now, except those that skip. It returns the number of objects. renewed may
// be nil, and may be called several times at once with the number so far.
func (v *Store) Renew(ctx context.Context, lock *Lock, now time.Time, skip func(name string) bool, renewed func(n int64)) (int, error) {
	keep := store.Retention{Until: now.Add(lock.Term()), Compliance: lock.Compliance}
	var count atomic.Int64
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for versions, err := range v.histories(ctx, "") {
		if err != nil {
			return 0, errors.Join(err, group.Wait())
		}
		object, ok := oldestOf(versions)
		if !ok || skip(object.Name) {
			continue
		}
		if groupCtx.Err() != nil {
			break
		}
		group.Go(func() error {
			err := v.retainer().Retain(groupCtx, object.Name, object.ID, keep)
			if errors.Is(err, store.ErrNotExist) {
				return nil // deleted meanwhile, by a prune
			}
			if n := count.Add(1); renewed != nil {
				renewed(n)
			}
			return err
		})
	}
	err := group.Wait()
	return int(count.Load()), err
}

// RetainedUntil returns the time until which the store retains an object, or the zero time if the store does not say.
func (v *Store) RetainedUntil(ctx context.Context, name string) (time.Time, error) {
	version, _ := v.version(name)
	until, err := v.retainer().RetainedUntil(ctx, name, version)
	if errors.Is(err, store.ErrPermission) {
		return time.Time{}, nil
	}
	return until, err
}

// LastRetained returns the time until which the store retains any version of the named objects under some prefixes. It is zero
// if there is no lock, or if the store does not say.
func (v *Store) LastRetained(ctx context.Context, prefixes, names []string) (latest time.Time, err error) {
	if v.lock == nil {
		return time.Time{}, nil
	}
	wanted := make(map[string]bool, len(names))
	for _, name := range names {
		wanted[name] = true
	}
	var mu sync.Mutex
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, prefix := range prefixes {
		for versions, err := range v.histories(ctx, prefix) {
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
