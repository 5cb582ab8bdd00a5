package day

import (
	"testing"
	"time"
	_ "time/tzdata"
)

// A day begins with its first second, also where midnight is left out or comes twice.
func TestStart(t *testing.T) {
	for _, c := range []struct {
		zone       string
		year       int
		month      time.Month
		date       int
		want, last string // the first second, and the one before
	}{
		{"UTC", 2026, 3, 9, "2026-03-09T00:00:00Z", "2026-03-08T23:59:59Z"},
		{"Africa/Cairo", 2026, 4, 24, "2026-04-24T01:00:00+03:00", "2026-04-23T23:59:59+02:00"},
		{"America/Santiago", 2026, 9, 6, "2026-09-06T01:00:00-03:00", "2026-09-05T23:59:59-04:00"},
		{"America/Havana", 2026, 3, 8, "2026-03-08T01:00:00-04:00", "2026-03-07T23:59:59-05:00"},
		{"America/Havana", 2026, 11, 1, "2026-11-01T00:00:00-04:00", "2026-10-31T23:59:59-04:00"}, // midnight comes twice
		{"Africa/Cairo", 2026, 10, 30, "2026-10-30T00:00:00+02:00", "2026-10-29T23:59:59+02:00"},
		{"Pacific/Apia", 2011, 12, 30, "2011-12-31T00:00:00+14:00", "2011-12-29T23:59:59-10:00"}, // left out
		{"Europe/Berlin", 2026, 2, 29, "2026-03-01T00:00:00+01:00", "2026-02-28T23:59:59+01:00"},
		{"Europe/Berlin", 2026, 3, 29, "2026-03-29T00:00:00+01:00", "2026-03-28T23:59:59+01:00"},
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		got := Start(c.year, c.month, c.date, zone)
		if got.Format(time.RFC3339) != c.want || got.Add(-time.Second).Format(time.RFC3339) != c.last {
			t.Errorf("%s %d-%d-%d: have %s after %s", c.zone, c.year, c.month, c.date, got.Format(time.RFC3339), got.Add(-time.Second).Format(time.RFC3339))
		}
	}
}
