package repo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mailstrata/mailstrata/repo/store"
)

// Lock says that what is stored is kept against everybody, the owner too, for a period. It is part of the config.
type Lock struct {
	Days       int  // the period
	Compliance bool // nobody has the right to end it; else the store may give that to somebody
	ByDefault  bool // the bucket retains what is put by itself, for Term

	// Since is set where the lock was lengthened: a renewal that began before did not lock all there was for the longer Term.
	// The zero time: every renewal did.
	Since time.Time
}

// MaxLockDays bounds a period: what is locked for ever is paid for ever.
const MaxLockDays = 3650

// period is how long at least every manifest is kept, and all that it needs.
func (l *Lock) period() time.Duration { return time.Duration(l.Days) * 24 * time.Hour }

// interval is how old a renewal becomes before a run makes another.
func (l *Lock) interval() time.Duration { return l.period() / 2 }

// Term is how long an object is retained when it is put or renewed: so long that what a run finds and does not touch lasts
// a period longer than the manifest that the run may lay until its deadline. A day is more than the Lifetime of a run.
func (l *Lock) Term() time.Duration { return l.period() + l.interval() + 24*time.Hour }

// TermDays is Term for a bucket's default retention, which counts days.
func (l *Lock) TermDays() int { return int((l.Term() + 24*time.Hour - 1) / (24 * time.Hour)) }

// lockRow is a Lock in the config.
type lockRow struct {
	_          struct{} `cbor:",toarray"`
	Days       uint64
	Compliance bool
	ByDefault  bool
}

func (l *Lock) row() *lockRow {
	if l == nil {
		return nil
	}
	return &lockRow{Days: uint64(l.Days), Compliance: l.Compliance, ByDefault: l.ByDefault}
}

func (l *Lock) check() error {
	if l != nil && (l.Days < 1 || l.Days > MaxLockDays) {
		return fmt.Errorf("a lock of %d days: it is from 1 to %d", l.Days, MaxLockDays)
	}
	return nil
}

// lock inverts Lock.row.
func (c *config) lock() *Lock {
	if c.Lock == nil {
		return nil
	}
	l := &Lock{Days: int(c.Lock.Days), Compliance: c.Lock.Compliance, ByDefault: c.Lock.ByDefault}
	if c.LockedSince > 0 {
		l.Since = time.Unix(int64(c.LockedSince), 0)
	}
	return l
}

// Lock is the repository's; nil: there is none.
func (r *Repo) Lock() *Lock { return r.config.lock() }

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
	return LockState{Renewed: last, Due: last.Add(lock.interval())}, nil
}

var errNoLock = errors.New("this repository is not under lock: that is said when it is made (init --lock)")

// errDefault: the bucket does not do what the lock relies on.
var errDefault = errors.New("the bucket's default retention is less than the lock needs, so what is put comes without it, or for too short a time: " +
	"set it anew, and find out who changed it")

// retainsByDefault makes sure that the bucket still retains what is put, where that is relied on. Where these credentials are not
// told, nothing is known, which is no fault.
func (r *Repo) retainsByDefault(ctx context.Context) error {
	lock := r.Lock()
	v, _ := r.store.(*vault)
	if lock == nil || !lock.ByDefault || v == nil {
		return nil
	}
	bucket, able := v.Store.(store.DefaultRetainer)
	if !able {
		return nil
	}
	does, err := bucket.RetainsByDefault(ctx, lock.Compliance, lock.TermDays())
	switch {
	case errors.Is(err, store.ErrPermission):
		return nil
	case err != nil:
		return fmt.Errorf("look at the bucket's default retention: %w", err)
	case !does:
		return fmt.Errorf("%w: %d days, %s", errDefault, lock.TermDays(), lock.Mode())
	}
	return nil
}

// Mode is the mode in a word.
func (l *Lock) Mode() string {
	if l.Compliance {
		return "compliance"
	}
	return "governance"
}

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
	return (&Lock{Days: days}).check()
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
	v := r.store.(*vault)
	longer := *v.lock
	longer.Days = days
	if !longer.ByDefault {
		now, err := r.putLonger(ctx, &longer)
		if err != nil {
			return 0, err
		}
		return r.renewAll(ctx, v, &longer, now, tell)
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
	if renewed, err = r.renewAll(ctx, v, &longer, now, tell); err != nil {
		return 0, fmt.Errorf("the lock stays as it was, for what is there cannot be locked for longer: %w", err)
	}
	return renewed, r.putLock(ctx, next, &longer)
}

// putLonger puts the config of a longer lock, for which renewals count from when every run has ended that began before the
// config was there: once more, if to put it took so long that one may have begun later than that allows for. now is a time
// before.
func (r *Repo) putLonger(ctx context.Context, longer *Lock) (now time.Time, err error) {
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
func (r *Repo) putLock(ctx context.Context, next *config, lock *Lock) error {
	next.Lock, next.LockedSince = lock.row(), uint64(lock.Since.Unix())
	if err := r.amend(ctx, next, r.held, r.slotName); err != nil {
		return err
	}
	r.store.(*vault).lock = r.Lock()
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
