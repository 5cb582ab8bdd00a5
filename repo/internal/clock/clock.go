// Package clock measures time for runs and removals. They take no lock against each other: time
// keeps them apart (docs/design/removing.md).
//
//	clock.go   the two periods, and the age of a run (type Clock): by the time of the store, and by this host's uptime
//	skew.go    compares the store's clock with this host's, before something is removed
package clock

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/mailstrata/mailstrata/repo/store"
)

// The two periods that make removal safe (docs/design/removing.md).
const (
	// Lifetime is the time after its start until which a run may commit.
	Lifetime = 12 * time.Hour

	// Grace is the age of a mark or a condemnation at which a prune may delete what it names.
	Grace = 24 * time.Hour
)

// Ahead bounds how far a time that a writer chose may be after the store's present time. The clocks
// of a store's servers differ, some report only whole seconds, and a run dates its manifest after
// the newest one.
const Ahead = time.Minute

// stepBack is how far the store's clock may seem to go back: some stores report whole seconds, and
// their servers differ a little.
const stepBack = 2 * time.Second

// ErrBack is the error of a run during which the store's clock went back.
var ErrBack = errors.New("the clock of the store went back during the run")

// ErrAhead is the error of a run during which the store's clock went ahead, or that got an object
// with a time that is ahead of the store's clock.
var ErrAhead = errors.New("the clock of the store went ahead during the run")

// Clock measures the age of a run: the larger of the time by the store's clock and by this host's
// uptime. The store's clock could stand still. The uptime counts the time while the host sleeps.
type Clock struct {
	store store.Store
	start time.Time     // by the store's clock
	host  time.Time     // likewise, by this host's clock
	up    time.Duration // of the host at the start

	mu     sync.Mutex
	latest time.Time
}

// Start returns the clock of a run that begins now.
func Start(ctx context.Context, store store.Store) (*Clock, error) {
	up := uptime()
	start, err := Now(ctx, store)
	if err != nil {
		return nil, err
	}
	return &Clock{store: store, start: start, host: hostTime(store), up: up, latest: start}, nil
}

// Began returns the store's time when the run began.
func (c *Clock) Began() time.Time { return c.start }

// Now asks the store for the time. It returns ErrBack if that is before an earlier one.
func (c *Clock) Now(ctx context.Context) (time.Time, error) {
	now, err := Now(ctx, c.store)
	if err != nil {
		return time.Time{}, err
	}
	return now, c.Saw(now)
}

// Saw returns ErrBack if a time of the store is before an earlier one.
func (c *Clock) Saw(now time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Before(c.latest.Add(-stepBack)) {
		return fmt.Errorf("%w: from %s to %s", ErrBack, c.latest.Format(time.RFC3339), now.Format(time.RFC3339))
	}
	if now.After(c.latest) {
		c.latest = now
	}
	return nil
}

// Known returns the newest time that the store reported.
func (c *Clock) Known() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.latest
}

// Age returns the age of the run at a time of the store.
func (c *Clock) Age(now time.Time) time.Duration { return max(now.Sub(c.start), uptime()-c.up) }

// Late returns why a run is too old at a time of the store: ErrAhead if it is not by the clocks of
// this host, or else late.
func (c *Clock) Late(now time.Time, late error) error {
	passed := max(hostTime(c.store).Sub(c.host), uptime()-c.up)
	if passed > Lifetime {
		return late
	}
	return fmt.Errorf("%w: it showed %s when the run began, and %s now, %s later",
		ErrAhead, Instant(c.start), Instant(now), passed.Round(time.Second))
}

// Now returns a store's time.
func Now(ctx context.Context, store store.Store) (time.Time, error) {
	now, err := store.Now(ctx)
	if err != nil {
		return now, fmt.Errorf("ask the store for the time: %w", err)
	}
	return now, nil
}

// Instant returns a time as messages have it.
func Instant(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
