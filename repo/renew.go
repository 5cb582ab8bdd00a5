package repo

import (
	"context"
	"fmt"
	"time"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/objectlock"
)

// A lock ends some day, and what is old is still needed. So all locks are renewed together, once in half a period, by the
// first run that finds it due, and put down in an object; the nights between look for that object and nothing else.
//
//	put or renewed at t: retained until t + period + period/2 + 1 day
//	a run that begins at s finds no renewal older than s − period/2, or renews; it commits until s + 12 h
//
// So at its commit, all that a manifest needs is retained for a period and more. What is condemned or marked is not
// renewed.

// renewalRow is the content of an object in renewals/.
type renewalRow struct {
	When uint64            `cbor:"1,keyasint"`
	Ext  format.Extensions `cbor:"63,keyasint,omitempty"`
}

// renewal is what a run knows of the locks.
type renewal struct {
	last    time.Time // when all that was there was locked last
	renewed int       // objects, now
	err     error     // why that is too long ago, and nothing could be done about it
}

// renew renews the locks, if that was done longer ago than after. That it cannot be done stops nobody: it is in err. tell may be
// nil; it may be called several times at once.
func (r *Repo) renew(ctx context.Context, now time.Time, after time.Duration, tell func(Progress)) (renewal, error) {
	lock := r.store.Lock()
	if lock == nil {
		return renewal{}, nil
	}
	last, err := r.lastRenewal(ctx, now)
	if err != nil || now.Sub(last) <= after {
		return renewal{last: last}, err
	}
	renewed, err := r.renewAll(ctx, lock, now, tell)
	switch {
	case ctx.Err() != nil:
		return renewal{}, context.Cause(ctx)
	case err != nil:
		return renewal{last: last, err: err}, nil
	}
	return renewal{last: now, renewed: renewed}, nil
}

// lastRenewal tells when all objects were locked last; the zero time: not since the lock was lengthened.
func (r *Repo) lastRenewal(ctx context.Context, now time.Time) (time.Time, error) {
	since := r.Lock().Since
	for o, err := range r.store.List(ctx, format.KindRenewal.Folder()) {
		if err != nil {
			return time.Time{}, fmt.Errorf("list the renewals: %w", err)
		}
		if kind, ok := format.KindOf(o.Name); !ok || kind != format.KindRenewal {
			continue
		}
		row, err := r.loadRenewal(ctx, o.Name)
		if err != nil && !concernsObject(err) {
			return time.Time{}, err
		}
		// One of a time to come would keep all from renewing; one that cannot be read says nothing.
		if when := time.UnixMilli(int64(row.When)); err == nil && when.Before(now.Add(ahead)) {
			if when.Before(since) {
				break
			}
			return when, nil
		}
	}
	if !since.IsZero() {
		return time.Time{}, nil
	}
	return time.Unix(int64(r.config.Created), 0), nil // what came since was put under lock
}

func (r *Repo) loadRenewal(ctx context.Context, name string) (row renewalRow, err error) {
	content, err := r.load(ctx, format.KindRenewal, name)
	if err != nil {
		return row, err
	}
	if err := format.Decode(content, &row); err != nil {
		return row, fmt.Errorf("read %s: %w", name, err)
	}
	return row, nil
}

// renewAll lengthens the lock of every object that is not to go, and puts that down.
func (r *Repo) renewAll(ctx context.Context, lock *objectlock.Lock, now time.Time, tell func(Progress)) (int, error) {
	condemned, err := r.Condemned(ctx)
	if err != nil {
		return 0, err
	}
	marks, err := r.Marks(ctx)
	if err != nil {
		return 0, err
	}
	goes := func(name string) bool {
		pack, isPack := format.ParsePack(name)
		_, dead := condemned[pack]
		_, marked := marks[name]
		kind, ours := format.KindOf(name)
		return isPack && dead || marked || !ours || kind == format.KindCheck || kind == format.KindRenewal
	}
	renewed := func(n int64) {
		if tell != nil {
			tell(Progress{Step: "locks renewed", Done: n})
		}
	}
	n, err := r.store.Renew(ctx, lock, now, goes, renewed)
	if err != nil {
		return 0, err
	}
	return n, r.putRenewal(ctx, now)
}

func (r *Repo) putRenewal(ctx context.Context, now time.Time) error {
	content, err := format.Encode(renewalRow{When: uint64(now.UnixMilli())})
	if err != nil {
		return err
	}
	stored, hash, err := r.codec.Build(format.KindRenewal, content, r.seals.recipients(format.KindRenewal))
	if err != nil {
		return err
	}
	return r.put(ctx, format.KindRenewal.Folder()+format.Stamped(now, hash), stored)
}

// Locks says what is wrong with the locks of older objects: they were due to be renewed, and could not be. Nil: all that
// a manifest of this run may need is retained for the repository's period. Chunks in packs that are retained for less do not
// count as stored, but what the run takes over from its parent cannot be stored again.
func (run *Run) Locks() error { return run.renewal.err }

// ending finds the packs whose lock ends before a manifest of this run has been kept for a period.
func (run *Run) ending(ctx context.Context) (map[format.Pack]bool, error) {
	if run.renewal.err == nil {
		return nil, nil
	}
	lock := run.r.config.lock()
	ending := map[format.Pack]bool{}
	for _, kind := range format.PackKinds {
		for o, err := range run.r.store.List(ctx, kind.Folder()) {
			if err != nil {
				return nil, fmt.Errorf("list the packs: %w", err)
			}
			locked := o.Time
			if locked.Before(lock.Since) {
				locked = time.Time{} // for a shorter term
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
