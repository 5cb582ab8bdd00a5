package testbed

import (
	"testing"
	"time"
)

// dayEnds is how long before its end a day is too short for a test that must be over in it.
const dayEnds = 3 * time.Minute

// OneDay waits for the next day if this one ends in a few minutes, in UTC or on this host. A test
// that must be over in one day calls it first.
func OneDay(t testing.TB) {
	t.Helper()
	for _, zone := range []*time.Location{time.UTC, time.Local} {
		if wait := untilDayIsLong(time.Now().In(zone)); wait > 0 {
			t.Logf("waiting %v for midnight", wait)
			time.Sleep(wait)
		}
	}
}

// untilDayIsLong returns how long the day of a time is too short; 0: it is not.
func untilDayIsLong(now time.Time) time.Duration {
	year, month, day := now.Date()
	if left := time.Date(year, month, day+1, 0, 0, 0, 0, now.Location()).Sub(now); left < dayEnds {
		return left
	}
	return 0
}
