package repo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mailstrata/mailstrata/repo/objectlock"
)

// lockRow is a Lock as the config holds it.
type lockRow struct {
	_          struct{} `cbor:",toarray"`
	Days       uint64
	Compliance bool
	ByDefault  bool
}

func rowOf(l *objectlock.Lock) *lockRow {
	if l == nil {
		return nil
	}
	return &lockRow{Days: uint64(l.Days), Compliance: l.Compliance, ByDefault: l.ByDefault}
}

// lock inverts rowOf.
func (c *config) lock() *objectlock.Lock {
	if c.Lock == nil {
		return nil
	}
	l := &objectlock.Lock{Days: int(c.Lock.Days), Compliance: c.Lock.Compliance, ByDefault: c.Lock.ByDefault}
	if c.LockedSince > 0 {
		l.Since = time.Unix(int64(c.LockedSince), 0)
	}
	return l
}

// Lock returns the repository's lock, or nil.
func (r *Repo) Lock() *objectlock.Lock { return r.config.lock() }

// LockState says when the locks were renewed, and when that is due.
type LockState struct {
	Renewed time.Time // when all locks were last renewed; zero if not since the lock was lengthened
	Due     time.Time // when the next run renews them, or reports that it may not
}

// LockState returns when all locks were last renewed.
func (r *Repo) LockState(ctx context.Context) (LockState, error) {
	lock := r.Lock()
	if lock == nil {
		return LockState{}, errNoLock
	}
	now, err := r.now(ctx)
	if err != nil {
		return LockState{}, err
	}
	last, err := r.lastRenewal(ctx, now)
	if err != nil || last.IsZero() {
		return LockState{Due: now}, err
	}
	return LockState{Renewed: last, Due: last.Add(lock.Interval())}, nil
}

var errNoLock = errors.New("this repository is not under lock; only a new repository can be (init --lock)")

// CheckLonger returns an error if the lock cannot be lengthened to a number of days.
func (r *Repo) CheckLonger(days int) error {
	lock := r.Lock()
	switch {
	case lock == nil:
		return errNoLock
	case days == lock.Days:
		return fmt.Errorf("the lock already has %d days", days)
	case days < lock.Days:
		return fmt.Errorf("a lock of %d days cannot be shortened to %d", lock.Days, days)
	}
	return (&objectlock.Lock{Days: days}).Check()
}

// Lengthen makes the period of the lock longer, and renews all locks for it. If the bucket retains by default, it must already do
// so for the longer Term. progress may be nil, and may be called several times at once. Nothing else may use r in the meantime.
//
// The longer period holds once each object is locked for it. If the bucket retains by default, that is so when all locks are
// renewed, and the config follows. If each writer asks for retention, writers that opened the repository before ask for the
// shorter term until their runs end. So the config comes first, later runs see it, and the first renewal that counts begins when
// no older run can be active. Until then every run renews all locks.
func (r *Repo) Lengthen(ctx context.Context, days int, progress func(Progress)) (renewed int, err error) {
	if err := r.CheckLonger(days); err != nil {
		return 0, err
	}
	longer := *r.store.Lock()
	longer.Days = days
	if !longer.ByDefault {
		now, err := r.putLongerLock(ctx, &longer)
		if err != nil {
			return 0, err
		}
		return r.renewAll(ctx, &longer, now, progress)
	}
	next, err := r.nextConfig(ctx)
	if err != nil {
		return 0, err
	}
	now, err := r.now(ctx)
	if err != nil {
		return 0, err
	}
	longer.Since = now.Truncate(time.Second)
	if renewed, err = r.renewAll(ctx, &longer, now, progress); err != nil {
		return 0, fmt.Errorf("the lock stays as it was, because existing objects cannot be locked for longer: %w", err)
	}
	return renewed, r.putLock(ctx, next, &longer)
}

// putLongerLock puts the config of a longer lock. Renewals count from the time when every run that began before the config has
// ended. If putting it took too long for that time to be right, putLongerLock puts another. now is a time before the config.
func (r *Repo) putLongerLock(ctx context.Context, longer *objectlock.Lock) (now time.Time, err error) {
	for {
		next, err := r.nextConfig(ctx)
		if err != nil {
			return now, err
		}
		if now, err = r.now(ctx); err != nil {
			return now, err
		}
		longer.Since = now.Truncate(time.Second).Add(Lifetime + ahead)
		if err := r.putLock(ctx, next, longer); err != nil {
			return now, err
		}
		put, err := r.now(ctx)
		if err != nil || put.Sub(now) < ahead/2 {
			return now, err
		}
	}
}

// putLock puts the next config, with the lock.
func (r *Repo) putLock(ctx context.Context, next *config, lock *objectlock.Lock) error {
	next.Lock, next.LockedSince = rowOf(lock), uint64(lock.Since.Unix())
	if err := r.replaceConfig(ctx, next, r.held, r.slotName); err != nil {
		return err
	}
	r.store.SetLock(r.Lock())
	return nil
}

// now returns the store's time.
func (r *Repo) now(ctx context.Context) (time.Time, error) {
	now, err := r.store.Now(ctx)
	if err != nil {
		return now, fmt.Errorf("ask the store for the time: %w", err)
	}
	return now, nil
}

// latestConfig returns an error if a newer config came. A writer that asks for retention must know the current period.
func (r *Repo) latestConfig(ctx context.Context) error {
	lock := r.Lock()
	if lock == nil || lock.ByDefault {
		return nil
	}
	_, err := r.newestConfig(ctx)
	return err
}
