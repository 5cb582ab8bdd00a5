package s3

import (
	"net/http"
	"testing"
	"time"
)

// The clock does not step back while the store's does not, whichever seconds the responses have.
func TestClockIsSteady(t *testing.T) {
	var c clock
	start := time.Now()
	last := time.Time{}
	for range 2000 {
		c.observe(time.Now().UTC().Format(http.TimeFormat))
		now, ok := c.now()
		if !ok || now.Before(last) {
			t.Fatalf("%v after %v", now, last)
		}
		if now.After(time.Now()) || start.Sub(now) > time.Second {
			t.Fatalf("%v, and it is %v", now, time.Now())
		}
		last = now
	}
}

// If the store's clock is set, the clock follows.
func TestClockFollows(t *testing.T) {
	var c clock
	for _, hours := range []time.Duration{0, 5, -5, 0} {
		there := time.Now().Add(hours * time.Hour).UTC().Truncate(time.Second)
		c.observe(there.Format(http.TimeFormat))
		if now, ok := c.now(); !ok || now.Sub(there).Abs() > 2*time.Second {
			t.Errorf("%v, want %v", now, there)
		}
	}
}

// An old observation is not trusted.
func TestClockForgets(t *testing.T) {
	var c clock
	if _, ok := c.now(); ok {
		t.Error("it knows the time by itself")
	}
	c.observe("yesterday")
	if _, ok := c.now(); ok {
		t.Error("it took that for a time")
	}
	observed := time.Now()
	c = clock{here: observed.Add(-2 * fresh), there: observed}
	if _, ok := c.now(); ok {
		t.Error("it trusts an old observation")
	}
}
