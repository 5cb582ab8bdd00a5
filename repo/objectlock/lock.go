package objectlock

import (
	"fmt"
	"time"
)

// Lock says that what is stored is kept against everybody, the owner too, for a period. It is part of the config.
type Lock struct {
	Days       int  // the period
	Compliance bool // nobody has the right to end it; else the store may give that to somebody
	ByDefault  bool // the bucket retains what is put by itself, for Term

	// Since is set where the lock was lengthened: a renewal that began before did not lock all there was for the longer Term.
	// The zero time: every renewal did.
	Since time.Time
}

// MaxDays bounds a period: what is locked for ever is paid for ever.
const MaxDays = 3650

// Period is how long at least every manifest is kept, and all that it needs.
func (l *Lock) Period() time.Duration { return time.Duration(l.Days) * 24 * time.Hour }

// Interval is how old a renewal becomes before a run makes another.
func (l *Lock) Interval() time.Duration { return l.Period() / 2 }

// Term is how long an object is retained when it is put or renewed: so long that what a run finds and does not touch lasts
// a period longer than the manifest that the run may lay until its deadline. A day is more than the Lifetime of a run.
func (l *Lock) Term() time.Duration { return l.Period() + l.Interval() + 24*time.Hour }

// TermDays is Term for a bucket's default retention, which counts days.
func (l *Lock) TermDays() int { return int((l.Term() + 24*time.Hour - 1) / (24 * time.Hour)) }

// Check reports what is wrong with the lock. No lock is right.
func (l *Lock) Check() error {
	if l != nil && (l.Days < 1 || l.Days > MaxDays) {
		return fmt.Errorf("a lock of %d days: it is from 1 to %d", l.Days, MaxDays)
	}
	return nil
}

// Mode is the mode in a word.
func (l *Lock) Mode() string {
	if l.Compliance {
		return "compliance"
	}
	return "governance"
}
