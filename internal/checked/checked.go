// Package checked remembers what the checks of this host found in a repository, and how much of its
// mail they read.
//
// A record is a file of the host and not an object of the repository: whatever host could write to
// the repository could then stop all deletions there, and a store that loses objects would keep the
// record of its losses.
package checked

import (
	"encoding/json"
	"math"
	"time"
)

// Scope is what a check reads, apart from the index and the manifests.
type Scope struct {
	From   uint64 `json:"from,omitempty"`   // position on the ring of packs (docs/format.md, Checks)
	Length uint64 `json:"length,omitempty"` // of the ring; whole: all
	N      int    `json:"n,omitempty"`      // of a share, the Nth of Of
	Of     int    `json:"of,omitempty"`     // at most 1: all objects
	Opens  bool   `json:"opens,omitempty"`  // its key opens packs of mail; otherwise only their bytes are verified
}

const whole = math.MaxUint64

// isShare reports whether the check leaves objects to other hosts.
func (s Scope) isShare() bool { return s.Of > 1 }

// holds reports whether a check of s finds all that one of other finds.
func (s Scope) holds(other Scope) bool {
	offset := other.From - s.From
	inside := s.Length == whole || other.Length == 0 || offset <= s.Length && other.Length <= s.Length-offset
	return inside && (!s.isShare() || s.N == other.N && s.Of == other.Of) && (s.Opens || !other.Opens)
}

// Result is how a check ended.
type Result struct {
	Scope
	Damaged bool
	Random  bool // what it read does not continue what an earlier check read
}

// A Record is what the checks of a host found in a repository. The zero Record is that of a host
// without any.
type Record struct {
	Damage *Damage `json:"damage,omitempty"` // nil: none
	Reads  []Read  `json:"reads,omitempty"`  // the oldest first
}

// Damage is what a check found, and no later one found repaired or gone.
type Damage struct {
	Since time.Time `json:"since"` // when a check first found it
	Scope Scope     `json:"scope"` // what a check must read to find whether it is still there
}

// Read is a part of the ring that was read, and found whole.
type Read struct {
	Time   time.Time `json:"time"`
	From   uint64    `json:"from"`
	Length uint64    `json:"length"`
}

// Parse reads a record.
func Parse(text []byte) (*Record, error) {
	r := new(Record)
	if err := json.Unmarshal(text, r); err != nil {
		return nil, err
	}
	return r, nil
}

// Format writes a record for Parse.
func (r *Record) Format() ([]byte, error) {
	text, err := json.Marshal(r)
	return append(text, '\n'), err
}

// Add records a check.
func (r *Record) Add(now time.Time, result Result) {
	if result.Damaged {
		r.addDamage(now, result.Scope)
		return
	}
	if r.Damage != nil && result.holds(r.Damage.Scope) {
		r.Damage = nil
	}
	if result.Length > 0 && !result.isShare() && !result.Random {
		r.addRead(now, result.Scope)
	}
}

// addDamage records that a check found damage.
func (r *Record) addDamage(now time.Time, found Scope) {
	switch old := r.Damage; {
	case old == nil:
		r.Damage = &Damage{now, found}
	case found.holds(old.Scope):
		r.Damage = &Damage{old.Since, found}
	case !old.Scope.holds(found): // only a check of everything says that both are gone
		r.Damage = &Damage{old.Since, Scope{Length: whole, Opens: old.Scope.Opens || found.Opens}}
	}
}

// addRead records that a check read mail and found no damage.
func (r *Record) addRead(now time.Time, read Scope) {
	if n := len(r.Reads); n > 0 && r.Reads[n-1].continues(now, read) {
		r.Reads[n-1].Length += read.Length
	} else {
		r.Reads = append(r.Reads, Read{now, read.From, read.Length})
	}
	_, _, first := r.covered()
	r.Reads = r.Reads[max(first, len(r.Reads)-maxReads):]
}

// Of checks that follow each other closely, one entry is kept, with the time of the first.
const (
	closely  = 12 * time.Hour
	maxReads = 1000
)

// continues reports whether a check soon after a read continues it.
func (r Read) continues(now time.Time, next Scope) bool {
	return next.From == r.From+r.Length && next.Length < whole-r.Length && now.Sub(r.Time) < closely &&
		!now.Before(r.Time)
}

// Covered returns the share of the ring that checks of this host read in their last lap around it,
// and the time of the oldest of these reads. If there was none, the share is 0.
func (r *Record) Covered() (share float64, oldest time.Time) {
	share, oldest, _ = r.covered()
	return share, oldest
}

// covered also returns the index of the oldest read that counts. A rolling check goes around the
// ring. What lies between two reads was read by another host, or by none.
func (r *Record) covered() (share float64, oldest time.Time, first int) {
	passed := 0.0 // of the lap, backwards from the end of the newest read
	for first = len(r.Reads) - 1; first >= 0; first-- {
		read := r.Reads[first]
		if read.Length == whole {
			return 1, read.Time, first // also what lies between the later reads
		}
		if later := first + 1; later < len(r.Reads) {
			passed += ring(r.Reads[later].From - (read.From + read.Length))
		}
		if passed >= 1 {
			break
		}
		length := min(ring(read.Length), 1-passed)
		share, oldest, passed = share+length, read.Time, passed+length
	}
	return share, oldest, first + 1
}

// ring returns a length as a share of the ring.
func ring(length uint64) float64 { return float64(length) / math.MaxUint64 }
