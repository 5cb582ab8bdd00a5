package repo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/access"
	"github.com/mailstrata/mailstrata/repo/internal/clock"
	"github.com/mailstrata/mailstrata/repo/objectlock"
)

// locks reads, lengthens and renews the S3 Object Lock of a repository.
type locks struct{ statements }

// Lock returns the Object Lock of the repository, or nil if it has none.
func (l *locks) Lock() *objectlock.Lock { return l.access.Config.ObjectLock() }

// LockState says when the locks were renewed, and when that is due.
type LockState struct {
	Renewed time.Time // when all locks were last renewed; zero if not since the lock was lengthened
	Due     time.Time // when the next run renews them, or reports that it may not
}

// LockState returns when all locks were last renewed.
func (l *locks) LockState(ctx context.Context) (LockState, error) {
	lock := l.Lock()
	if lock == nil {
		return LockState{}, errNoLock
	}
	now, err := l.objects.Now(ctx)
	if err != nil {
		return LockState{}, err
	}
	last, err := l.lastRenewal(ctx, now)
	if err != nil || last.IsZero() {
		return LockState{Due: now}, err
	}
	return LockState{Renewed: last, Due: last.Add(lock.Interval())}, nil
}

var errNoLock = errors.New("this repository is not under lock; only a new repository can be (init --lock)")

// CheckLonger returns an error if the lock cannot be lengthened to a number of days.
func (l *locks) CheckLonger(days int) error {
	lock := l.Lock()
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
func (l *locks) Lengthen(ctx context.Context, days int, progress func(Progress)) (renewed int, err error) {
	if err := l.CheckLonger(days); err != nil {
		return 0, err
	}
	longer := *l.objects.Store.Lock()
	longer.Days = days
	if !longer.ByDefault {
		now, err := l.putLongerLock(ctx, &longer)
		if err != nil {
			return 0, err
		}
		return l.renewAll(ctx, &longer, now, progress)
	}
	next, err := l.access.NextConfig(ctx)
	if err != nil {
		return 0, err
	}
	now, err := l.objects.Now(ctx)
	if err != nil {
		return 0, err
	}
	longer.Since = now.Truncate(time.Second)
	if renewed, err = l.renewAll(ctx, &longer, now, progress); err != nil {
		return 0, fmt.Errorf("the lock stays as it was, because existing objects cannot be locked for longer: %w", err)
	}
	return renewed, l.putLock(ctx, next, &longer)
}

// putLongerLock puts the config of a longer lock. Renewals count from the time when every run that began before the config has
// ended. If putting it took too long for that time to be right, putLongerLock puts another. now is a time before the config.
func (l *locks) putLongerLock(ctx context.Context, longer *objectlock.Lock) (now time.Time, err error) {
	for {
		next, err := l.access.NextConfig(ctx)
		if err != nil {
			return now, err
		}
		if now, err = l.objects.Now(ctx); err != nil {
			return now, err
		}
		longer.Since = now.Truncate(time.Second).Add(clock.Lifetime + clock.Ahead)
		if err := l.putLock(ctx, next, longer); err != nil {
			return now, err
		}
		put, err := l.objects.Now(ctx)
		if err != nil || put.Sub(now) < clock.Ahead/2 {
			return now, err
		}
	}
}

// putLock puts the next config, with the lock.
func (l *locks) putLock(ctx context.Context, next *access.Config, lock *objectlock.Lock) error {
	next.SetLock(lock)
	if err := l.access.Replace(ctx, next); err != nil {
		return err
	}
	l.objects.Store.SetLock(l.Lock())
	return nil
}

// latestConfig returns an error if a newer config came. A writer that asks for retention must know the current period.
func (l *locks) latestConfig(ctx context.Context) error {
	lock := l.Lock()
	if lock == nil || lock.ByDefault {
		return nil
	}
	_, err := l.access.NewestConfig(ctx)
	return err
}

// RetainedUntil returns the time until which the store retains any version of these objects, by Object Lock. It is zero if
// the repository is not under Object Lock, or if the store does not report retention.
func (l *locks) RetainedUntil(ctx context.Context, names []string) (latest time.Time, err error) {
	return l.objects.Store.LastRetained(ctx, []string{format.KindData.Folder(), format.KindCatalog.Folder(), format.KindManifest.Folder()}, names)
}
