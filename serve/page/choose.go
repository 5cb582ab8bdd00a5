package page

import (
	"time"

	"github.com/mailstrata/mailstrata/serve/view"
)

// nightOption is a night in a list to choose from.
type nightOption struct {
	ID, Name string
	Chosen   bool
}

// maxOptions is how many nights a list has, the newest ones. Addresses can name the others.
const maxOptions = 1000

// nightOptions returns the nights to choose from, the newest first. That with an index is chosen,
// and always among them.
func nightOptions(h *view.History, chosen int) (all []nightOption) {
	for i := range h.Nights {
		if i < maxOptions || i == chosen {
			all = append(all, nightOption{nightID(h, i), nightName(h, i), i == chosen})
		}
	}
	return all
}

// nightName returns the name of a night: its time, and the beginning of its id if others are of the
// same day.
func nightName(h *view.History, i int) string {
	name := clock(h.Nights[i].Head.Time)
	if severalOn(h, i) {
		name += " · " + nightID(h, i)[:8]
	}
	return name
}

// severalOn reports whether a night is not the only one of its day.
func severalOn(h *view.History, i int) bool {
	date := dayOf(h.Nights[i].Head.Time)
	same := func(n int) bool { return n >= 0 && n < len(h.Nights) && dayOf(h.Nights[n].Head.Time) == date }
	return same(i-1) || same(i+1)
}

// usualBefore returns the index of the night that a form offers first to compare with the latest
// one: a day before it, if there is one, or else the oldest.
func usualBefore(h *view.History) int {
	latest := h.Latest()
	if latest < 0 {
		return -1
	}
	found := -1
	for i := completeBefore(h, latest); i >= 0; i = completeBefore(h, i) {
		if found = i; h.Nights[latest].Head.Time.Sub(h.Nights[i].Head.Time) >= 20*time.Hour {
			break
		}
	}
	return found
}
