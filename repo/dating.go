package repo

import (
	"context"
	"fmt"
	"time"

	"github.com/mailstrata/mailstrata/repo/internal/clock"
)

// This file decides which times of a manifest to believe. The writer chooses the time T in the name
// and the times in the manifest, and the clock of a store can be wrong for a while. Only the store
// says when it got an object.
//
//   - The time T in the name is in the manifest too. An object with another name is not this manifest (Repo.Manifest).
//   - A manifest is misdated if its T is after the time when the store got it, or after the store's present time. It is
//     also misdated if no run can have had its deadline when the store got it. A misdated manifest stays a root: Prune
//     keeps its chunks. It is never a parent or the latest, and no retention policy counts it, until a mark names it.
//   - A manifest is belated if the store got it long after its T. That is normal for copies and repairs, and for all
//     objects of a repository that was moved to another store. But anyone with a writer's key can date a manifest back,
//     so a belated manifest may not displace one that came in time.

const (
	// earlyAtMost bounds how far T may be after the time when the store got the object. It is more
	// than clock.Ahead, because the two times can come from different clocks.
	earlyAtMost = 5 * time.Minute
)

// WriterTimed is implemented by a Store, such as a directory, in which the writer of an object can
// also set its time. An early time proves nothing there: files are restored from backups, and some
// file systems have local times, or none. So the times of a manifest are only compared with the
// present.
type WriterTimed interface{ WriterTimed() }

// writerTimed reports whether the writer of an object can set its time.
func (o *opened) writerTimed() bool {
	_, is := o.objects.Store.Store.(WriterTimed)
	return is
}

// storeTime caches the store's time for a listing, which asks for it only if it needs it.
type storeTime struct {
	r   *Repo
	now time.Time // zero before the first request
}

// before reports whether t is in the future. If the store cannot report the time, as a directory on
// a read-only medium, before uses this host's clock.
func (p *storeTime) before(ctx context.Context, t time.Time) bool {
	if !t.After(p.now.Add(clock.Ahead)) {
		return false
	}
	if p.r.writerTimed() && !t.After(time.Now().Add(clock.Ahead)) {
		return false // asking a directory for the time writes to it, and its clock is this host's or close
	}
	now, err := p.r.objects.Store.Now(ctx)
	if err != nil {
		now = time.Now()
	}
	p.now = now
	return t.After(now.Add(clock.Ahead))
}

// date sets Misdated if the manifest's time is after the present, or after the time when the store
// got it.
func (p *storeTime) date(ctx context.Context, h Head) Head {
	switch {
	case !p.r.writerTimed() && h.Time.After(h.Stored.Add(earlyAtMost)):
		h.Misdated = fmt.Sprintf("its name says %s, but the store got it at %s",
			clock.Instant(h.Time), clock.Instant(h.Stored))
	case p.before(ctx, h.Time):
		h.Misdated = fmt.Sprintf("its name says %s, but by the store's clock it is %s",
			clock.Instant(h.Time), clock.Instant(p.now))
	}
	return h
}

// Judge returns the Head with Late and Misdated as a reader sets them from the manifest's deadline.
// For readers, a manifest is late if T is after the deadline. They do not use the time when the
// store got it, because in a copy of a repository all objects are young, and readers must still
// find the mail. A run is stricter (Run.Heads).
func (r *Repo) Judge(h Head, deadline time.Time) Head {
	h.Late = h.Time.After(deadline)
	stored := h.Stored
	if now := time.Now(); r.writerTimed() && now.After(stored) {
		stored = now // the only bound that such a store has
	}
	if latest := stored.Add(clock.Lifetime + earlyAtMost); h.Misdated == "" && deadline.After(latest) {
		h.Misdated = fmt.Sprintf("its deadline is %s, but a run that put it then has a deadline of %s at the latest",
			clock.Instant(deadline), clock.Instant(latest))
	}
	return h
}

// behindAtMost bounds how far the store's clock may be before the time when the repository was
// made. The repository may have been made while the clock was ahead.
const behindAtMost = 30 * 24 * time.Hour

// checkClock returns an error if the store's clock shows a time before the repository was made.
// With such a clock all manifests lie in the future, and each account would be downloaded again.
func (o *opened) checkClock(now time.Time) error {
	if made := time.Unix(int64(o.access.Config.Created), 0); made.Sub(now) > behindAtMost {
		return fmt.Errorf("the store's clock shows %s, but the repository was made at %s: set the clock of the store, or of this host if "+
			"the repository is a directory on it", clock.Instant(now), clock.Instant(made))
	}
	return nil
}
