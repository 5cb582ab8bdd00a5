package objectlock

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mailstrata/mailstrata/repo/store"
)

// atOnce is how many requests are made at once.
const atOnce = 16

// ErrDefault is the error of a bucket whose default retention is less than the lock relies on.
var ErrDefault = errors.New("the bucket's default retention is shorter than the lock needs, so new objects are not retained long enough: " +
	"set it again, and find out who changed it")

// CheckDefault returns ErrDefault if the lock relies on the bucket's default retention and that is
// too short. It returns nil if the store does not say.
func (s *Store) CheckDefault(ctx context.Context) error {
	if s.lock == nil || !s.lock.ByDefault {
		return nil
	}
	bucket, able := s.Store.(store.Retainer)
	if !able {
		return nil
	}
	does, err := bucket.RetainsByDefault(ctx, s.lock.Compliance, s.lock.TermDays())
	switch {
	case errors.Is(err, store.ErrPermission):
		return nil
	case err != nil:
		return fmt.Errorf("look at the bucket's default retention: %w", err)
	case !does:
		return fmt.Errorf("%w: %d days, %s", ErrDefault, s.lock.TermDays(), s.lock.Mode())
	}
	return nil
}

// Renew retains every object for the lock's Term from now on, except those that skip names. It
// returns the number of objects, and reports the number so far to renewed, which may be called
// several times at once.
func (s *Store) Renew(
	ctx context.Context, lock *Lock, now time.Time, skip func(name string) bool, renewed func(n int64),
) (int, error) {
	keep := store.Retention{Until: now.Add(lock.Term()), Compliance: lock.Compliance}
	var count atomic.Int64
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for versions, err := range s.histories(ctx, "") {
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
			err := s.retainer().Retain(groupCtx, object.Name, object.ID, keep)
			if errors.Is(err, store.ErrNotExist) {
				return nil // a prune deleted it in the meantime
			}
			renewed(count.Add(1))
			return err
		})
	}
	err := group.Wait()
	return int(count.Load()), err
}

// RetainedUntil returns the time until which the store retains an object, or the zero time if the
// store does not say.
func (s *Store) RetainedUntil(ctx context.Context, name string) (time.Time, error) {
	version, _ := s.version(name)
	until, err := s.retainer().RetainedUntil(ctx, name, version)
	if errors.Is(err, store.ErrPermission) {
		return time.Time{}, nil
	}
	return until, err
}

// LastRetained returns the time until which the store retains any version of the named objects
// under some prefixes. It is zero if there is no lock, or if the store does not say.
func (s *Store) LastRetained(ctx context.Context, prefixes, names []string) (latest time.Time, err error) {
	if s.lock == nil {
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
		for versions, err := range s.histories(ctx, prefix) {
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
					until, err := s.retainer().RetainedUntil(groupCtx, version.Name, version.ID)
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
