package repo

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

	// Grace is the age of a mark or a condemnation at which Prune may delete what it names.
	Grace = 24 * time.Hour
)

// stepBack is how far the store's clock may seem to go back: some stores report whole seconds, and their servers differ a little.
const stepBack = 2 * time.Second

// clock measures the age of a run: the larger of the time by the store's clock and by this host's uptime. The store's clock could stand
// still. The uptime counts the time while the host sleeps.
type clock struct {
	store store.Store
	start time.Time     // by the store's clock
	up    time.Duration // of the host at the start

	mu     sync.Mutex
	latest time.Time
}

func startClock(ctx context.Context, store store.Store) (*clock, error) {
	up := uptime()
	start, err := store.Now(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask the store for the time: %w", err)
	}
	return &clock{store: store, start: start, up: up, latest: start}, nil
}

// now asks the store for the time.
func (c *clock) now(ctx context.Context) (time.Time, error) {
	now, err := c.store.Now(ctx)
	if err != nil {
		return time.Time{}, fmt.Errorf("ask the store for the time: %w", err)
	}
	return now, c.saw(now)
}

// saw returns ErrClock if a time of the store is before an earlier one.
func (c *clock) saw(now time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Before(c.latest.Add(-stepBack)) {
		return fmt.Errorf("%w: from %s to %s", ErrClock, c.latest.Format(time.RFC3339), now.Format(time.RFC3339))
	}
	if now.After(c.latest) {
		c.latest = now
	}
	return nil
}

// known returns the newest time that the store reported.
func (c *clock) known() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.latest
}

// age returns the age of the run at a time of the store.
func (c *clock) age(now time.Time) time.Duration { return max(now.Sub(c.start), uptime()-c.up) }

// ErrSkew is the error of removing while the store's clock and this host's differ.
var ErrSkew = errors.New("nothing is removed while the store's clock and this host's differ by more than an hour")

// skewAtMost is how far the two clocks may differ while mailstrata removes something.
const skewAtMost = time.Hour

// checkSkew compares a time of the store with this host's clock. Removing depends on ages, and the store's clock can be wrong. If it
// is two days ahead, every grace period seems to be over. If it is two days behind, a mark that is put then soon looks old.
func (o *objects) checkSkew(now time.Time) error {
	host := o.hostTime()
	if skew := now.Sub(host).Round(time.Second); skew.Abs() > skewAtMost {
		return fmt.Errorf("%w: the store's shows %s, this host's %s, %s apart. Set the wrong one (NTP), and try again",
			ErrSkew, instant(now), instant(host), skew.Abs())
	}
	return nil
}

// hostTime returns the time by this host's clock. The simulated stores of tests also simulate a host.
func (o *objects) hostTime() time.Time {
	if simulated, ok := o.store.Store.(interface{ HostTime() time.Time }); ok {
		return simulated.HostTime()
	}
	return time.Now()
}

// checkedNow returns the store's time, if this host's clock agrees with it.
func (run *Run) checkedNow(ctx context.Context) (time.Time, error) {
	now, err := run.Now(ctx)
	if err == nil {
		err = run.r.checkSkew(now)
	}
	return now, err
}

// checkSkewNow returns an error unless the store's clock and this host's agree.
func (o *objects) checkSkewNow(ctx context.Context) error {
	now, err := o.Now(ctx)
	if err != nil {
		return err
	}
	return o.checkSkew(now)
}

// Now returns the store's time.
func (o *objects) Now(ctx context.Context) (time.Time, error) {
	now, err := o.store.Now(ctx)
	if err != nil {
		return now, fmt.Errorf("ask the store for the time: %w", err)
	}
	return now, nil
}
