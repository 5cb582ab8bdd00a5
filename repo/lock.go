package repo

import (
	"context"
	"fmt"
	"time"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/locks"
	"github.com/mailstrata/mailstrata/repo/objectlock"
)

// locks is the S3 Object Lock of the repository.
func (r *Repo) locks() *locks.Locks {
	return &locks.Locks{Access: r.access, Condemned: r.Condemned, Marks: r.Marks}
}

// Lock returns the Object Lock of the repository, or nil if it has none.
func (r *Repo) Lock() *objectlock.Lock { return r.access.Config.ObjectLock() }

// LockState says when the locks were renewed, and when that is due.
type LockState = locks.State

// LockState returns when all locks were last renewed.
func (r *Repo) LockState(ctx context.Context) (LockState, error) { return r.locks().State(ctx) }

// CheckLonger returns an error if the lock cannot be lengthened to a number of days.
func (r *Repo) CheckLonger(days int) error { return r.locks().CheckLonger(days) }

// Lengthen makes the period of the lock longer, and renews all locks for it. If the bucket retains
// by default, it must already do so for the longer Term. progress may be nil, and may be called
// several times at once. Nothing else may use the repository in the meantime.
func (r *Repo) Lengthen(ctx context.Context, days int, progress func(Progress)) (renewed int, err error) {
	return r.locks().Lengthen(ctx, days, progress)
}

// RetainedUntil returns the time until which the store retains any version of these objects, by
// Object Lock. It is zero if the repository is not under Object Lock, or if the store does not
// report retention.
func (r *Repo) RetainedUntil(ctx context.Context, names []string) (latest time.Time, err error) {
	folders := []string{format.KindData.Folder(), format.KindCatalog.Folder(), format.KindManifest.Folder()}
	return r.objects.Store.LastRetained(ctx, folders, names)
}

// Locks returns why the locks, which are due, could not be renewed. If it is nil, everything that a
// manifest of this run may need is retained for the repository's period. Otherwise the run stores
// chunks again whose packs are retained for less, but what it inherits from its parent it cannot
// store again.
func (run *Run) Locks() error { return run.renewal.Err }

// ending returns the packs whose lock ends less than a period after the run's deadline.
func (run *Run) ending(ctx context.Context) (map[format.Pack]bool, error) {
	if run.renewal.Err == nil {
		return nil, nil
	}
	lock := run.r.access.Config.ObjectLock()
	ending := map[format.Pack]bool{}
	for _, kind := range format.PackKinds {
		for o, err := range run.r.objects.Store.List(ctx, kind.Folder()) {
			if err != nil {
				return nil, fmt.Errorf("list the packs: %w", err)
			}
			locked := o.Time
			if locked.Before(lock.Since) {
				locked = time.Time{} // it was locked for a shorter term
			}
			if locked.Before(run.renewal.Last) {
				locked = run.renewal.Last
			}
			if pack, ok := format.ParsePack(o.Name); ok &&
				locked.Add(lock.Term()).Before(run.Deadline().Add(lock.Period())) {
				ending[pack] = true
			}
		}
	}
	return ending, nil
}
