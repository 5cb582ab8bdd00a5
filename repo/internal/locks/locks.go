package locks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mailstrata/mailstrata/repo/internal/access"
	"github.com/mailstrata/mailstrata/repo/internal/clock"
	"github.com/mailstrata/mailstrata/repo/internal/objects"
	"github.com/mailstrata/mailstrata/repo/objectlock"
	"github.com/mailstrata/mailstrata/repo/statement"
)

// Locks reads, lengthens and renews the S3 Object Lock of a repository.
type Locks struct {
	*access.Access
	Condemned func(context.Context) (statement.Condemned, error)
	Marks     func(context.Context) (statement.Marks, error)
}

// State says when the locks were renewed, and when that is due.
type State struct {
	Renewed time.Time // when all locks were last renewed; zero if not since the lock was lengthened
	Due     time.Time // when the next run renews them, or reports that it may not
}

// State returns when all locks were last renewed.
func (l *Locks) State(ctx context.Context) (State, error) {
	lock := l.Config.ObjectLock()
	if lock == nil {
		return State{}, errNoLock
	}
	now, err := l.Objects.Now(ctx)
	if err != nil {
		return State{}, err
	}
	last, err := l.lastRenewal(ctx, now)
	if err != nil || last.IsZero() {
		return State{Due: now}, err
	}
	return State{Renewed: last, Due: last.Add(lock.Interval())}, nil
}

var errNoLock = errors.New("this repository is not under lock; only a new repository can be (init --lock)")

// CheckLonger returns an error if the lock cannot be lengthened to a number of days.
func (l *Locks) CheckLonger(days int) error {
	lock := l.Config.ObjectLock()
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

// Lengthen makes the period of the lock longer, and renews all locks for it. If the bucket retains
// by default, it must already do so for the longer Term. progress may be nil, and may be called
// several times at once. Nothing else may use l in the meantime.
//
// The longer period holds once each object is locked for it. If the bucket retains by default, that
// is so when all locks are renewed, and the config follows. If each writer asks for retention,
// writers that opened the repository before ask for the shorter term until their runs end. So the
// config comes first, later runs see it, and the first renewal that counts begins when no older run
// can be active. Until then every run renews all locks.
func (l *Locks) Lengthen(ctx context.Context, days int, progress func(objects.Progress)) (renewed int, err error) {
	if err := l.CheckLonger(days); err != nil {
		return 0, err
	}
	longer := *l.Objects.Store.Lock()
	longer.Days = days
	if !longer.ByDefault {
		now, err := l.putLongerLock(ctx, &longer)
		if err != nil {
			return 0, err
		}
		return l.renewAll(ctx, &longer, now, progress)
	}
	next, err := l.NextConfig(ctx)
	if err != nil {
		return 0, err
	}
	now, err := l.Objects.Now(ctx)
	if err != nil {
		return 0, err
	}
	longer.Since = now.Truncate(time.Second)
	if renewed, err = l.renewAll(ctx, &longer, now, progress); err != nil {
		return 0, fmt.Errorf("the lock stays as it was, because existing objects cannot be locked for longer: %w", err)
	}
	return renewed, l.putLock(ctx, next, &longer)
}

// putLongerLock puts the config of a longer lock. Renewals count from the time when every run that
// began before the config has ended. If putting it took too long for that time to be right,
// putLongerLock puts another. now is a time before the config.
func (l *Locks) putLongerLock(ctx context.Context, longer *objectlock.Lock) (now time.Time, err error) {
	for {
		next, err := l.NextConfig(ctx)
		if err != nil {
			return now, err
		}
		if now, err = l.Objects.Now(ctx); err != nil {
			return now, err
		}
		longer.Since = now.Truncate(time.Second).Add(clock.Lifetime + clock.Ahead)
		if err := l.putLock(ctx, next, longer); err != nil {
			return now, err
		}
		put, err := l.Objects.Now(ctx)
		if err != nil || put.Sub(now) < clock.Ahead/2 {
			return now, err
		}
	}
}

// putLock puts the next config, with the lock.
func (l *Locks) putLock(ctx context.Context, next *access.Config, lock *objectlock.Lock) error {
	next.SetLock(lock)
	if err := l.Replace(ctx, next); err != nil {
		return err
	}
	l.Objects.Store.SetLock(l.Config.ObjectLock())
	return nil
}

// CheckCurrent returns an error if a newer config came. A writer that asks for retention must know
// the current period.
func (l *Locks) CheckCurrent(ctx context.Context) error {
	lock := l.Config.ObjectLock()
	if lock == nil || lock.ByDefault {
		return nil
	}
	_, err := l.NewestConfig(ctx)
	return err
}
