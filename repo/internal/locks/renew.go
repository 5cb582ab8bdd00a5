package locks

import (
	"context"
	"time"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/clock"
	"github.com/mailstrata/mailstrata/repo/internal/objects"
	"github.com/mailstrata/mailstrata/repo/objectlock"
)

// A lock ends, but old objects are still needed. So the first run in each half period renews all
// locks together and puts an object that says so. The runs in between only look for that object.
//
//	put or renewed at t: retained until t + period + period/2 + 1 day
//	a run that begins at s finds no renewal older than s − period/2, or renews; it commits until s + 12 h
//
// So when a run commits, everything that its manifest needs is retained for more than a period.
// Locks of condemned packs and marked manifests are not renewed.

// renewalRow is the content of an object in renewals/.
type renewalRow struct {
	When uint64            `cbor:"1,keyasint"`
	Ext  format.Extensions `cbor:"63,keyasint,omitempty"`
}

// Renewal is what a run knows about the locks.
type Renewal struct {
	Last    time.Time // when all locks were last renewed
	Renewed int       // number of objects, now
	Err     error     // why the locks, which are due, could not be renewed
}

// Renew renews the locks if the last renewal is older than after. A run goes on if it cannot: the
// error is in the Renewal. progress may be nil, and may be called several times at once.
func (l *Locks) Renew(
	ctx context.Context, now time.Time, after time.Duration, progress func(objects.Progress),
) (Renewal, error) {
	lock := l.Objects.Store.Lock()
	if lock == nil {
		return Renewal{}, nil
	}
	last, err := l.lastRenewal(ctx, now)
	if err != nil || now.Sub(last) <= after {
		return Renewal{Last: last}, err
	}
	renewed, err := l.renewAll(ctx, lock, now, progress)
	switch {
	case ctx.Err() != nil:
		return Renewal{}, context.Cause(ctx)
	case err != nil:
		return Renewal{Last: last, Err: err}, nil
	}
	return Renewal{Last: now, Renewed: renewed}, nil
}

// lastRenewal returns when all locks were last renewed, or the zero time if not since the lock was
// lengthened.
func (l *Locks) lastRenewal(ctx context.Context, now time.Time) (time.Time, error) {
	since := l.Config.ObjectLock().Since
	for o, err := range l.Objects.List(ctx, format.KindRenewal, "renewals") {
		if err != nil {
			return time.Time{}, err
		}
		var row renewalRow
		err := l.Objects.LoadRow(ctx, format.KindRenewal, o.Name, &row)
		if err != nil && !objects.Concerns(err) {
			return time.Time{}, err
		}
		// A renewal in the future would keep every run from renewing. One that cannot be read has
		// no effect.
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
	return time.Unix(int64(l.Config.Created), 0), nil // objects are locked when they are put
}

// renewAll renews the lock of every object that is not to be deleted, and puts a renewal.
func (l *Locks) renewAll(
	ctx context.Context, lock *objectlock.Lock, now time.Time, progress func(objects.Progress),
) (int, error) {
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
			progress(objects.Progress{Step: "locks renewed", Done: n})
		}
	}
	n, err := l.Objects.Store.Renew(ctx, lock, now, goes, renewed)
	if err != nil {
		return 0, err
	}
	return n, l.Objects.PutRow(ctx, format.KindRenewal, now, renewalRow{When: uint64(now.UnixMilli())})
}

// CheckRenewal checks the content of an object in renewals/.
func CheckRenewal(content []byte) error { return format.Decode(content, new(renewalRow)) }
