package repo

import (
	"context"
	"fmt"
	"time"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/clock"
	"github.com/mailstrata/mailstrata/repo/internal/objects"
	"github.com/mailstrata/mailstrata/repo/objectlock"
)

// A lock ends, but old objects are still needed. So the first run in each half period renews all locks together and puts an
// object that says so. The runs in between only look for that object.
//
//	put or renewed at t: retained until t + period + period/2 + 1 day
//	a run that begins at s finds no renewal older than s − period/2, or renews; it commits until s + 12 h
//
// So when a run commits, everything that its manifest needs is retained for more than a period. Locks of condemned packs and marked
// manifests are not renewed.

// renewalRow is the content of an object in renewals/.
type renewalRow struct {
	When uint64            `cbor:"1,keyasint"`
	Ext  format.Extensions `cbor:"63,keyasint,omitempty"`
}

// renewal is what a run knows about the locks.
type renewal struct {
	last    time.Time // when all locks were last renewed
	renewed int       // number of objects, now
	err     error     // why the locks, which are due, could not be renewed
}

// renew renews the locks if the last renewal is older than after. A run goes on if it cannot: the error is in the renewal. progress
// may be nil, and may be called several times at once.
func (l *locks) renew(ctx context.Context, now time.Time, after time.Duration, progress func(Progress)) (renewal, error) {
	lock := l.objects.Store.Lock()
	if lock == nil {
		return renewal{}, nil
	}
	last, err := l.lastRenewal(ctx, now)
	if err != nil || now.Sub(last) <= after {
		return renewal{last: last}, err
	}
	renewed, err := l.renewAll(ctx, lock, now, progress)
	switch {
	case ctx.Err() != nil:
		return renewal{}, context.Cause(ctx)
	case err != nil:
		return renewal{last: last, err: err}, nil
	}
	return renewal{last: now, renewed: renewed}, nil
}

// lastRenewal returns when all locks were last renewed, or the zero time if not since the lock was lengthened.
func (l *locks) lastRenewal(ctx context.Context, now time.Time) (time.Time, error) {
	since := l.Lock().Since
	for o, err := range l.objects.List(ctx, format.KindRenewal, "renewals") {
		if err != nil {
			return time.Time{}, err
		}
		var row renewalRow
		err := l.objects.LoadRow(ctx, format.KindRenewal, o.Name, &row)
		if err != nil && !objects.Concerns(err) {
			return time.Time{}, err
		}
		// A renewal in the future would keep every run from renewing. One that cannot be read has no effect.
		if when := time.UnixMilli(int64(row.When)); err == nil && when.Before(now.Add(clock.Ahead)) {
			if when.Before(since) {
				break
			}
			return when, nil
		}
	}
	if !since.IsZero() {
		return time.Time{}, nil
	}
	return time.Unix(int64(l.access.Config.Created), 0), nil // objects are locked when they are put
}

// renewAll renews the lock of every object that is not to be deleted, and puts a renewal.
func (l *locks) renewAll(ctx context.Context, lock *objectlock.Lock, now time.Time, progress func(Progress)) (int, error) {
	condemned, err := l.Condemned(ctx)
	if err != nil {
		return 0, err
	}
	marks, err := l.Marks(ctx)
	if err != nil {
		return 0, err
	}
	goes := func(name string) bool {
		pack, isPack := format.ParsePack(name)
		_, dead := condemned[pack]
		_, marked := marks[format.MarkedName(name)]
		kind, ours := format.KindOf(name)
		return isPack && dead || marked || !ours || kind == format.KindCheck || kind == format.KindRenewal
	}
	renewed := func(n int64) {
		if progress != nil {
			progress(Progress{Step: "locks renewed", Done: n})
		}
	}
	n, err := l.objects.Store.Renew(ctx, lock, now, goes, renewed)
	if err != nil {
		return 0, err
	}
	return n, l.objects.PutRow(ctx, format.KindRenewal, now, renewalRow{When: uint64(now.UnixMilli())})
}

// Locks returns why the locks, which are due, could not be renewed. If it is nil, everything that a manifest of this run may need
// is retained for the repository's period. Otherwise the run stores chunks again whose packs are retained for less, but what it
// inherits from its parent it cannot store again.
func (run *Run) Locks() error { return run.renewal.err }

// ending returns the packs whose lock ends less than a period after the run's deadline.
func (run *Run) ending(ctx context.Context) (map[format.Pack]bool, error) {
	if run.renewal.err == nil {
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
			if locked.Before(run.renewal.last) {
				locked = run.renewal.last
			}
			if pack, ok := format.ParsePack(o.Name); ok && locked.Add(lock.Term()).Before(run.Deadline().Add(lock.Period())) {
				ending[pack] = true
			}
		}
	}
	return ending, nil
}
