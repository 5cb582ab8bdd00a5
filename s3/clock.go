package s3

import (
	"net/http"
	"sync"
	"time"
)

// fresh is how long the clock is trusted without a new observation: drift within it is far below a
// second.
const fresh = time.Minute

// clock is the store's clock, as its responses show it. Its zero value has no observation.
type clock struct {
	mu    sync.Mutex
	here  time.Time // when the last observation was made, by this host's clocks; zero: never
	there time.Time // what time it was at the store
}

// observe records the Date of a response, which has whole seconds. If the time known before is
// within or after that second, observe keeps its fraction, so that the clock does not step back
// from one response to the next.
func (c *clock) observe(date string) {
	second, err := http.ParseTime(date)
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	there := second
	if known, ok := c.at(now); ok && known.After(second) {
		there = second.Add(time.Second - time.Millisecond)
		if known.Before(there) {
			there = known
		}
	}
	c.here, c.there = now, there
}

// now returns the store's time, and false if it was not observed lately.
func (c *clock) now() (time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at(time.Now())
}

func (c *clock) at(now time.Time) (time.Time, bool) {
	passed := now.Sub(c.here)
	// The monotonic clock stops while the host sleeps, the wall clock does not: if they disagree,
	// ask again.
	byWall := now.Round(0).Sub(c.here.Round(0))
	if c.here.IsZero() || passed > fresh || (byWall-passed).Abs() > time.Second {
		return time.Time{}, false
	}
	return c.there.Add(passed), true
}

// seen reports whether the store has ever answered.
func (c *clock) seen() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.here.IsZero()
}
