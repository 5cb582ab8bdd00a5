package s3

import (
	"net/http"
	"testing"
	"time"
)

// However the seconds of the responses fall, the clock does not step back while the store's does not.
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

// A store whose clock was set is believed.
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

// What was observed long ago is not trusted.
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
