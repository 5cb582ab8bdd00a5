package repo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mailstrata/mailstrata/repo/objectlock"
)

// lockRow is a Lock in the config.
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

// Lock is the repository's; nil: there is none.
func (r *Repo) Lock() *objectlock.Lock { return r.config.lock() }

// LockState is when the locks were renewed, and when that is due.
type LockState struct {
	Renewed time.Time // what is older was locked then, and what is younger when it was put; zero: not for the whole Term yet
	Due     time.Time // from then on, a run that may renews them, and one that may not says so
}

// LockState asks when all locks were renewed last.
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

var errNoLock = errors.New("this repository is not under lock: that is said when it is made (init --lock)")

// CheckLonger says why the lock cannot be made one of so many days.
func (r *Repo) CheckLonger(days int) error {
	lock := r.Lock()
	switch {
	case lock == nil:
		return errNoLock
	case days == lock.Days:
		return fmt.Errorf("the lock is of %d days already", days)
	case days < lock.Days:
		return fmt.Errorf("a lock of %d days cannot be made one of %d: what was promised for what is there holds", lock.Days, days)
	}
	return (&objectlock.Lock{Days: days}).Check()
}

// Lengthen makes the period of the lock longer, and renews all locks for it. Where the bucket retains by default, it must do so
// for the longer Term already. tell may be nil; it may be called several times at once. No other use of r may be under way.
//
// The promise of the longer period holds from when each object is locked for it. Where the bucket retains by default, that is
// so when all are renewed, and the config comes after that. Where each writer asks for retention himself, those who
// opened the repository before ask for the shorter term until their runs end; so there the config comes first, runs that begin
// later see it, and the first renewal that counts is one that begins when no older run can be under way. Until then, each run
// renews all.
func (r *Repo) Lengthen(ctx context.Context, days int, tell func(Progress)) (renewed int, err error) {
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
		return r.renewAll(ctx, &longer, now, tell)
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
	if renewed, err = r.renewAll(ctx, &longer, now, tell); err != nil {
		return 0, fmt.Errorf("the lock stays as it was, for what is there cannot be locked for longer: %w", err)
	}
	return renewed, r.putLock(ctx, next, &longer)
}

// putLongerLock puts the config of a longer lock, for which renewals count from when every run has ended that began before the
// config was there: once more, if to put it took so long that one may have begun later than that allows for. now is a time
// before.
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

// putLock puts the next config, with that lock.
func (r *Repo) putLock(ctx context.Context, next *config, lock *objectlock.Lock) error {
	next.Lock, next.LockedSince = rowOf(lock), uint64(lock.Since.Unix())
	if err := r.replaceConfig(ctx, next, r.held, r.slotName); err != nil {
		return err
	}
	r.store.SetLock(r.Lock())
	return nil
}

// now is the store's time.
func (r *Repo) now(ctx context.Context) (time.Time, error) {
	now, err := r.store.Now(ctx)
	if err != nil {
		return now, fmt.Errorf("ask the store for the time: %w", err)
	}
	return now, nil
}

// latestConfig makes sure that no config came since this one was read. Who asks for retention with each object must know for how
// long.
func (r *Repo) latestConfig(ctx context.Context) error {
	lock := r.Lock()
	if lock == nil || lock.ByDefault {
		return nil
	}
	_, err := r.newestConfig(ctx)
	return err
}
