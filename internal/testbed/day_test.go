package testbed

import (
	"testing"
	"time"
)

func TestUntilDayIsLong(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		now  time.Time
		want time.Duration
	}{
		{time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC), 0},
		{time.Date(2026, 11, 30, 23, 56, 59, 0, time.UTC), 0},
		{time.Date(2026, 11, 30, 23, 59, 0, 0, time.UTC), time.Minute},
		{time.Date(2026, 12, 31, 23, 59, 59, 0, berlin), time.Second},
		{time.Date(2026, 3, 29, 0, 0, 0, 0, berlin), 0}, // 23 hours
	} {
		if got := untilDayIsLong(c.now); got != c.want {
			t.Errorf("at %v: %v, want %v", c.now, got, c.want)
		}
	}
}
