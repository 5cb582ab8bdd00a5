package repo

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/clock"
	"github.com/mailstrata/mailstrata/repo/internal/head"
	"github.com/mailstrata/mailstrata/repo/internal/locks"
	"github.com/mailstrata/mailstrata/repo/pin"
	"github.com/mailstrata/mailstrata/repo/statement"
)

// Run is one run that archives one or several accounts.
//
// Runs and removals take no lock against each other. Time, by the store's clock, keeps them apart:
// a run gives up 12 hours after its start, and a condemned pack is deleted after 24. By then a run
// that relied on a chunk of the pack has either committed, and the prune that deletes sees its
// manifest, or it never will. These are the first five rules of docs/design/removing.md, which
// comments cite by number:
//
//  1. Begin reads the store's time s. Heads lists marks and manifests: a parent is unmarked and not late. Then the
//     Writer lists condemnations.
//  2. A chunk is stored if any index places it in a pack that no condemnation names and that the store has listed to this
//     run (Writer.Put).
//  3. The run puts packs, then the index, then a manifest with the deadline s + 12 h (Writer.Commit). After the deadline it
//     gives up.
//  4. A manifest that the store got after its deadline is late: it is not committed, and is never a parent.
//  5. A longer run commits a checkpoint and begins again.
type Run struct {
	r     *Repo
	clock *clock.Clock
	began time.Time // by this host's clock

	renewal  locks.Renewal
	erasures erasures

	mu     sync.Mutex // guards the following
	marks  func() (statement.Marks, error)
	newest map[string]Head                // by account directory
	turns  map[string]*semaphore.Weighted // by account directory; held while a manifest is put

	pinned *pin.Newest
}

// Begin begins a run. In a repository under Object Lock it first renews the retention of all
// objects, if that is due.
func (r *Repo) Begin(ctx context.Context) (*Run, error) {
	run, err := r.begin(ctx)
	if lock := r.Lock(); err == nil && lock != nil {
		run.renewal, err = r.locks().Renew(ctx, run.Start(), lock.Interval(), nil)
	}
	return run, err
}

// begin begins a run without renewing retention.
func (r *Repo) begin(ctx context.Context) (*Run, error) {
	if err := r.access.NoneRejected(); err != nil {
		return nil, err
	}
	began := time.Now()
	c, err := clock.Start(ctx, r.objects.Store.Store)
	if err != nil {
		return nil, err
	}
	if err := r.locks().CheckCurrent(ctx); err != nil { // after the clock: a host that sleeps in between must not miss a change
		return nil, err
	}
	if err := r.checkClock(c.Began()); err != nil {
		return nil, err
	}
	run := &Run{
		r: r, clock: c, began: began, newest: make(map[string]Head), turns: make(map[string]*semaphore.Weighted),
		erasures: erasures{asking: semaphore.NewWeighted(1)},
	}
	run.pinned = pin.NewNewest(r.access.Pin, earlyAtMost)
	return run, nil
}

// Start returns the store's time when the run began.
func (run *Run) Start() time.Time { return run.clock.Began() }

// Deadline returns the time by which the run must commit.
func (run *Run) Deadline() time.Time { return run.clock.Began().Add(clock.Lifetime) }

// Now returns the store's time. If the time went back, the error is ErrClock, and the run cannot
// commit.
func (run *Run) Now(ctx context.Context) (time.Time, error) { return run.clock.Now(ctx) }

// checkedNow returns the store's time, if this host's clock agrees with it.
func (run *Run) checkedNow(ctx context.Context) (time.Time, error) {
	now, err := run.Now(ctx)
	if err == nil {
		err = run.r.objects.CheckSkew(now)
	}
	return now, err
}

// readMarks reads the marks once for all accounts of the run. It is a marksReader. A mark that
// comes later is too young to remove anything before the run's deadline.
func (run *Run) readMarks(ctx context.Context) func() (statement.Marks, error) {
	run.mu.Lock()
	defer run.mu.Unlock()
	if run.marks == nil {
		run.marks = run.r.readMarks(nil)(ctx)
	}
	return run.marks
}

// Heads lists the manifests of an account, the newest first. Each Head says whether the manifest is
// marked, late or misdated; any other can be the run's parent. An error beside a Head with a Name
// concerns that manifest alone, and more may follow. An error beside an empty Head ends the list.
func (run *Run) Heads(ctx context.Context, account string) iter.Seq2[Head, error] {
	return func(yield func(Head, error) bool) {
		// Most callers need the newest manifest alone, and a listing of a year of nights has 100
		// KB.
		listing := headListing{
			prefix: run.r.manifestsOf(account), list: run.r.objects.Store.ListFew, marks: run.readMarks, known: run.clock.Known(),
		}
		check := func(h Head) bool {
			run.noteNewest(h)
			return yield(run.checkLate(ctx, h))
		}
		var newer Head
		for h, err := range run.r.listHeads(ctx, listing) {
			if newer.Name != "" {
				newer.Older = h.Name // empty after an error
				if !check(newer) {
					return
				}
			}
			if newer = h; err != nil {
				yield(Head{}, err)
				return
			}
		}
		if newer.Name != "" {
			check(newer)
		}
	}
}

// checkLate reads the manifest, and returns its Head with Late and Misdated as the manifest's
// deadline requires.
func (run *Run) checkLate(ctx context.Context, h Head) (Head, error) {
	content, err := run.r.Manifest(ctx, h)
	if err != nil {
		return h, err
	}
	o, err := head.ParseOutline(content)
	if err != nil {
		return h, fmt.Errorf("read %s: %w", h.Name, err)
	}
	h = run.r.Judge(h, o.Until())
	h.Late = h.Late || h.Stored.After(o.Until()) // the writer's host may have slept between naming and putting it
	return h, nil
}

// Lost returns the name of the newest manifest of the account that this host remembers. It reports
// lost if the store does not have it and no mark names it: then someone removed it without the
// owner's key.
func (run *Run) Lost(ctx context.Context, account string) (name string, lost bool, err error) {
	name, err = run.r.access.Pin().Newest(run.r.AccountDir(account))
	if err != nil || name == "" {
		return "", false, err
	}
	if exists, err := run.r.objects.Exists(ctx, name); err != nil || exists {
		return name, false, err
	}
	marks, err := run.readMarks(ctx)()
	if err != nil {
		return "", false, err
	}
	_, marked := marks[name]
	return name, !marked, nil
}

// Own returns a Head of the newest manifest of the account that this host has committed. Only what
// the name says is set. If this host remembers no manifest, the Name is empty.
func (run *Run) Own(account string) (Head, error) {
	name, err := run.r.access.Pin().Newest(run.r.AccountDir(account))
	if err != nil {
		return Head{}, fmt.Errorf("the newest manifest that this host has written: %w", err)
	}
	own, _ := ParseManifest(name)
	return own, nil
}

// turn waits until no other manifest of the account is being put, and returns a function that ends
// the turn.
func (run *Run) turn(ctx context.Context, dir string) (done func(), err error) {
	run.mu.Lock()
	turn := run.turns[dir]
	if turn == nil {
		turn = semaphore.NewWeighted(1)
		run.turns[dir] = turn
	}
	run.mu.Unlock()
	return func() { turn.Release(1) }, turn.Acquire(ctx, 1)
}

// commit puts a manifest, and returns ErrLate, or ErrAhead, if the store got it after the deadline.
// Manifests of several accounts are put at once, those of one account one after the other.
func (run *Run) commit(ctx context.Context, account string, at time.Time, encode Encode) (Head, error) {
	dir := run.r.AccountDir(account)
	done, err := run.turn(ctx, dir)
	if err != nil {
		return Head{}, err
	}
	defer done()
	now, err := run.Now(ctx)
	if err != nil {
		return Head{}, err
	}
	if at.IsZero() {
		at = run.timeAfterNewest(dir, now)
	} else if at.After(now.Add(clock.Ahead)) {
		return Head{}, fmt.Errorf("%w, or the manifest to copy has a time in the future, %s",
			ErrClock, at.UTC().Format(time.RFC3339))
	}
	m, err := run.encodeManifest(account, at, encode)
	if err != nil {
		return Head{}, err
	}
	deadline := m.Until()
	if now.After(deadline) || run.clock.Age(now) > clock.Lifetime {
		return Head{}, run.clock.Late(now, ErrLate)
	}
	if m.Alarm != nil {
		if err := run.r.objects.Put(ctx, format.AlarmName(m.name), m.stored); err != nil {
			return Head{}, err
		}
	}
	h, err := run.putManifest(ctx, m.name, m.stored)
	if err != nil {
		return Head{}, err
	}
	if h.Stored.After(deadline) || run.clock.Age(h.Stored) > clock.Lifetime {
		return Head{}, run.clock.Late(h.Stored, ErrLate)
	}
	run.r.objects.Cache.KeepObject(m.name, m.content, run.r.objects.Seals.LocalKey(format.KindManifest))
	run.r.objects.Cache.KeepNewest(dir)
	if !run.noteNewest(h) {
		return h, nil // it is not the newest
	}
	return h, run.pinned.Set(ctx, pin.Manifest{Account: h.Account, Name: h.Name, Time: h.Time, Stored: h.Stored})
}

// Encode returns the content of a manifest with the time at, which its name has too.
type Encode func(at time.Time) ([]byte, error)

// encodedManifest is a manifest that is to be put.
type encodedManifest struct {
	*head.Outline
	name            string
	content, stored []byte
}

// encodeManifest encodes a manifest, and checks it.
func (run *Run) encodeManifest(account string, at time.Time, encode Encode) (m encodedManifest, err error) {
	if m.content, err = encode(at); err != nil {
		return m, err
	}
	if m.Outline, err = head.ParseOutline(m.content); err != nil {
		return m, err
	}
	switch deadline := m.Until(); {
	case m.Account != nil && string(m.Account) != account:
		return m, fmt.Errorf("the manifest is of account %q, not %q", m.Account, account)
	case m.Time != at.UnixMilli():
		return m, fmt.Errorf("the manifest has the time %s, but its name would have %s", time.UnixMilli(m.Time), at)
	case deadline.After(run.Deadline()):
		return m, fmt.Errorf("the manifest's deadline %s is after the run's, %s", deadline, run.Deadline())
	}
	var hash [32]byte
	m.stored, hash, err = run.r.objects.Codec.Build(format.KindManifest, m.content,
		run.r.objects.Seals.Recipients(format.KindManifest))
	m.name = format.ManifestName(run.r.AccountDir(account), at, hash)
	return m, err
}

// timeAfterNewest returns the time for a manifest's name: now, or just after the newest manifest of
// the account that this run has seen. So the last manifest put is listed first, even if two runs
// end within the one second that a store resolves.
func (run *Run) timeAfterNewest(account string, now time.Time) time.Time {
	now = now.Truncate(time.Millisecond) // as names hold it
	run.mu.Lock()
	defer run.mu.Unlock()
	if newest := run.newest[account]; !now.After(newest.Time) {
		return newest.Time.Add(time.Millisecond)
	}
	return now
}

// noteNewest remembers a manifest if it is newer than those of its account that the run has seen,
// and not misdated. It reports whether it is.
func (run *Run) noteNewest(h Head) bool {
	run.mu.Lock()
	defer run.mu.Unlock()
	if h.Misdated != "" || !h.Time.After(run.newest[h.Account].Time) {
		return false
	}
	run.newest[h.Account] = h
	return true
}

// putManifest puts a manifest, and returns it as the store lists it. If the store does not list it,
// putManifest puts it once more.
func (run *Run) putManifest(ctx context.Context, name string, stored []byte) (Head, error) {
	for range 2 {
		if err := run.r.objects.Store.Put(ctx, name, bytes.NewReader(stored), int64(len(stored))); err != nil {
			return Head{}, fmt.Errorf("store %s: %w", name, err)
		}
		if h, err := run.confirm(ctx, name); err != nil || h.Name != "" {
			return h, err
		}
	}
	return Head{}, fmt.Errorf("%s: %w", name, ErrNotKept)
}

// confirm returns a manifest as the store lists it, or an empty Head if the store does not list it.
func (run *Run) confirm(ctx context.Context, name string) (Head, error) {
	for o, err := range run.r.objects.Store.List(ctx, name) {
		if err != nil {
			return Head{}, fmt.Errorf("confirm %s: %w", name, err)
		}
		if h, ok := head.Of(o); ok && o.Name == name {
			if err := run.clock.Saw(o.Time); err != nil {
				return h, err
			}
			now := storeTime{run.r, run.clock.Known()}
			if h = now.date(ctx, h); h.Misdated != "" {
				return h, fmt.Errorf("confirm %s: %s: the store's clock is not reliable", name, h.Misdated)
			}
			return h, nil
		}
	}
	return Head{}, nil
}
