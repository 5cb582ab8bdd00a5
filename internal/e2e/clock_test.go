package e2e_test

import (
	"sync"
	"time"
)

// movedClock is a store's clock that tests move ahead.
type movedClock struct {
	mu    sync.Mutex
	ahead time.Duration
	base  func() time.Time
}

// newMovedClock returns a clock that advances by itself, too.
func newMovedClock() *movedClock { return &movedClock{base: time.Now} }

// newStandingClock returns a clock that only tests advance, so that a slow machine makes no run
// late.
func newStandingClock() *movedClock {
	began := time.Now()
	return &movedClock{base: func() time.Time { return began }}
}

func (c *movedClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.base().Add(c.ahead)
}

func (c *movedClock) skip(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}
