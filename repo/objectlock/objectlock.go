// Package objectlock protects a repository by the versions and the S3 Object Lock of its store.
//
// A host that can put objects can put another one under a name that is taken, and a host that can
// delete can hide an object behind a delete marker. A store that keeps versions loses neither
// object. A name holds the hash of its object, so that Store finds the original among the versions.
//
// With S3 Object Lock, the store also refuses to delete an object before a time. Lock says how long
// that is, and Renew extends the time before it ends.
//
//	objectlock.go  Lock: the period, and the terms that follow from it
//	store.go       Store: Get, List, Put and Delete over versions
//	retain.go      renewing, and asking how long objects are retained
package objectlock

import (
	"fmt"
	"time"
)

// Lock is the period for which the store retains every object, against the owner too. It is part of
// the config.
type Lock struct {
	Days       int  // the period
	Compliance bool // no one may end it; otherwise (governance) the store may grant that right
	ByDefault  bool // the bucket's default retention applies, for TermDays; otherwise each Put asks for retention

	// Since is the time when the lock was last lengthened. Renewals that began earlier do not
	// count, because they did not retain every object for the longer Term. If it is zero, every
	// renewal counts.
	Since time.Time
}

// MaxDays bounds a period, because locked objects cost money until it ends.
const MaxDays = 3650

// Period returns how long a manifest and everything it needs is retained at least.
func (l *Lock) Period() time.Duration { return time.Duration(l.Days) * 24 * time.Hour }

// Interval returns the age of a renewal after which a run renews again.
func (l *Lock) Interval() time.Duration { return l.Period() / 2 }

// Term returns how long an object is retained when it is put or renewed. It is long enough that an
// object which a run relies on without renewing it is retained for a period after the run's
// deadline. The day is more than the lifetime of a run.
func (l *Lock) Term() time.Duration { return l.Period() + l.Interval() + 24*time.Hour }

// TermDays returns Term in whole days, rounded up, the unit of a bucket's default retention.
func (l *Lock) TermDays() int { return int((l.Term() + 24*time.Hour - 1) / (24 * time.Hour)) }

// Check returns an error if the period is out of range. A nil Lock is valid.
func (l *Lock) Check() error {
	if l != nil && (l.Days < 1 || l.Days > MaxDays) {
		return fmt.Errorf("a lock of %d days: use 1 to %d", l.Days, MaxDays)
	}
	return nil
}

// Mode returns the mode as a word.
func (l *Lock) Mode() string {
	if l.Compliance {
		return "compliance"
	}
	return "governance"
}
