package repo

import (
	"context"
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
