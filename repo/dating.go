package repo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mailstrata/mailstrata/repo/format"
)

// A writer chooses the times in a manifest and the time in its name, and a store's clock can leap. Only the store
// says when it got an object. This file decides what a manifest's times are worth, and everything else uses it.
//
//   - The time T in the name is in the manifest too. An object with another name is not this manifest (Repo.Manifest).
//   - A manifest whose T is after the time when the store got it, or after the store's present time, is misdated. So is
//     one whose deadline no run can have had when the store got it. A misdated manifest stays a root for Prune. It is
//     never a parent or the latest, and counts in no rule, until a mark names it.
//   - A manifest that the store got long after its T is belated. That is normal for copies and repairs, and for all
//     objects of a repository that was moved to another store. But anyone with a writer's key can date a manifest back,
//     so a belated manifest may not displace one that came in time.

const (
	// ahead is how far T may be after the store's present time: the clocks of a store's servers differ, some report
	// only whole seconds, and a run's manifest gets a T after the newest one's.
	ahead = time.Minute

	// earlyAtMost is how far T may be after the time when the store got the object. It allows for what ahead allows for,
	// and for the difference between the clocks that the two times come from.
	earlyAtMost = 5 * time.Minute

	// belatedAfter is how long after T the store may get a manifest that came in time.
	belatedAfter = time.Hour
)

// WriterTimed is a Store, such as a directory, in which the writer of an object can also set its time. There an early
// time proves nothing: files are restored from backups, and some file systems have local times, or none. So a manifest's
// times are compared with the present alone.
type WriterTimed interface{ WriterTimed() }

// ErrMisdated is wrapped by the error of a manifest whose times cannot be true.
var ErrMisdated = errors.New("its times cannot be true")

// Belated reports whether the store got the manifest long after the time in its name.
func (h Head) Belated() bool { return h.Stored.Sub(h.Time) > belatedAfter }

// Misdating returns an error that says why a misdated manifest counts for nothing, and what to do. Otherwise it is nil.
func (h Head) Misdating() error {
	if h.Misdated == "" {
		return nil
	}
	return fmt.Errorf("%w: %s. It counts for nothing, and stays until you name it: mailstrata forget %x",
		ErrMisdated, h.Misdated, h.ID[:4])
}

// writerTimed reports whether the writer of an object can set its time.
func (o *objects) writerTimed() bool {
	_, is := o.store.Store.(WriterTimed)
	return is
}

// storeTime is the store's time, which a listing asks for only if it needs it.
type storeTime struct {
	r   *Repo
	now time.Time // zero before the first request
}

// before reports whether t is in the future. If the store cannot say the time, such as a directory on a read-only medium,
// it uses this host's clock.
func (p *storeTime) before(ctx context.Context, t time.Time) bool {
	if !t.After(p.now.Add(ahead)) {
		return false
	}
	if p.r.writerTimed() && !t.After(time.Now().Add(ahead)) {
		return false // asking a directory for the time writes to it, and its clock is this host's or close
	}
	now, err := p.r.store.Now(ctx)
	if err != nil {
		now = time.Now()
	}
	p.now = now
	return t.After(now.Add(ahead))
}

// date judges a manifest by its line of a listing.
func (p *storeTime) date(ctx context.Context, h Head) Head {
	switch {
	case !p.r.writerTimed() && h.Time.After(h.Stored.Add(earlyAtMost)):
		h.Misdated = fmt.Sprintf("its name says %s, but the store got it at %s", instant(h.Time), instant(h.Stored))
	case p.before(ctx, h.Time):
		h.Misdated = fmt.Sprintf("its name says %s, but by the store's clock it is %s", instant(h.Time), instant(p.now))
	}
	return h
}

// Judge adds to a Head what the manifest's deadline says about it. For readers, a manifest is late if T is after the
// deadline. They do not use the time when the store got it, because in a copy of a repository all objects are young,
// and readers must still find the mail. A run judges more strictly (Run.Heads).
func (r *Repo) Judge(h Head, deadline time.Time) Head {
	h.Late = h.Time.After(deadline)
	stored := h.Stored
	if now := time.Now(); r.writerTimed() && now.After(stored) {
		stored = now // it came before now: nothing closer is known
	}
	if latest := stored.Add(Lifetime + earlyAtMost); h.Misdated == "" && deadline.After(latest) {
		h.Misdated = fmt.Sprintf("its deadline is %s, but a run that put it then has a deadline of %s at the latest",
			instant(deadline), instant(latest))
	}
	return h
}

// behindAtMost is how far the store's clock may be before the time when the repository was made, in case it was made while
// the clock was ahead.
const behindAtMost = 30 * 24 * time.Hour

// checkClock returns an error if the store's clock shows a time before the repository was made. With such a clock all manifests lie
// in the future, and each account would be downloaded again.
func (a *access) checkClock(now time.Time) error {
	if made := time.Unix(int64(a.config.Created), 0); made.Sub(now) > behindAtMost {
		return fmt.Errorf("the store's clock shows %s, but the repository was made at %s: set the clock of the store, or of this host if "+
			"the repository is a directory on it", instant(now), instant(made))
	}
	return nil
}

func instant(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// checkName checks that a manifest has the time in its name. The first programs did not write the time into the manifest.
// Theirs must lie within the length of a run.
func (o *outline) checkName(h Head) error {
	put := h.Time.UnixMilli()
	if o.Time != 0 {
		if put != o.Time {
			return renamed("its name was changed, and should be " + format.ManifestName(h.Account, time.UnixMilli(o.Time), h.ID))
		}
		return nil
	}
	start := time.UnixMilli(o.Start)
	if h.Time.Before(start.Add(-ahead)) || h.Time.After(start.Add(Lifetime+ahead)) {
		return renamed(fmt.Sprintf("its name was changed: its run began at %s, and the name says %s", instant(start), instant(h.Time)))
	}
	return nil
}

// renamed is the error of a manifest under another name than its own.
type renamed string

func (r renamed) Error() string { return string(r) }

// Is makes it an ErrNotMine: someone who can write to the store copied it.
func (renamed) Is(target error) bool { return target == format.ErrNotMine }
