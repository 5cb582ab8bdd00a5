// Package day finds the beginnings of calendar days, and reads dates as people write them. Some
// days have no midnight: if clocks are put forward at midnight (Cairo, Beirut, Santiago, Havana),
// time.Date returns an instant of the day before.
package day

import (
	"cmp"
	"time"
)

// Start returns the first instant of a calendar day, to the second. The day may be out of its
// month's range, as with time.Date. A day that a zone left out begins where the next one does.
func Start(year int, month time.Month, date int, zone *time.Location) time.Time {
	year, month, date = time.Date(year, month, date, 12, 0, 0, 0, time.UTC).Date()
	low := time.Date(year, month, date-1, 12, 0, 0, 0, zone).Unix()
	high := time.Date(year, month, date+1, 12, 0, 0, 0, zone).Unix()
	for low < high {
		middle := low + (high-low)/2
		if before(time.Unix(middle, 0).In(zone), year, month, date) {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return time.Unix(low, 0).In(zone)
}

// before reports whether an instant is on an earlier calendar day.
func before(t time.Time, year int, month time.Month, date int) bool {
	y, m, d := t.Date()
	return cmp.Or(cmp.Compare(y, year), cmp.Compare(m, month), cmp.Compare(d, date)) < 0
}
