package checked

import (
	"math"
	"testing"
	"time"
)

var start = time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)

const tenth = math.MaxUint64 / 10

// Damage stays until a check finds none that reads at least as much as the one that found it.
func TestDamageStaysUntilAsMuchIsRead(t *testing.T) {
	all := Scope{Length: whole, Opens: true}
	night := Scope{From: 9 * tenth, Length: 2 * tenth, Opens: true} // past the end of the ring
	for _, test := range []struct {
		name        string
		found, next Scope
		gone        bool
	}{
		{"the same", night, night, true},
		{"the next night", night, Scope{From: 9 * tenth, Length: 3 * tenth, Opens: true}, true},
		{"less", night, Scope{From: 9 * tenth, Length: tenth, Opens: true}, false},
		{"another part", night, Scope{From: 2 * tenth, Length: 5 * tenth, Opens: true}, false},
		{"no mail", night, Scope{Opens: true}, false},
		{"all", night, all, true},
		{"all, of all", all, all, true},
		{"a part of all", all, night, false},
		{"a part of all that begins there", Scope{From: 9 * tenth, Length: whole}, night, false},
		{"no mail before either", Scope{Opens: true}, Scope{Opens: true}, true},
		{"a key that opens less", night, Scope{Length: whole}, false},
		{"a key that opens more", Scope{From: tenth, Length: tenth}, all, true},
		{"the same share", Scope{Length: tenth, N: 2, Of: 8}, Scope{Length: tenth, N: 2, Of: 8}, true},
		{"another share", Scope{Length: tenth, N: 2, Of: 8}, Scope{Length: whole, N: 3, Of: 8}, false},
		{"all shares", Scope{Length: tenth, N: 2, Of: 8}, Scope{Length: tenth}, true},
		{"a share of all", Scope{Length: tenth}, Scope{Length: whole, N: 1, Of: 8}, false},
	} {
		var r Record
		r.addDamage(start, test.found)
		r.Add(start.Add(time.Hour), Result{Scope: test.next})
		if gone := r.Damage == nil; gone != test.gone {
			t.Errorf("%s: gone %v, want %v", test.name, gone, test.gone)
		}
	}
}

// Two checks that found damage in different parts are undone only by one of everything. The time is
// that of the first.
func TestDamageAtTwoPlaces(t *testing.T) {
	var r Record
	one, other := Scope{From: tenth, Length: tenth}, Scope{From: 5 * tenth, Length: tenth, Opens: true}
	r.addDamage(start, one)
	r.addDamage(start.Add(time.Hour), other)
	r.addDamage(start.Add(2*time.Hour), one)
	for _, read := range []Scope{one, other, {Length: whole}} {
		if r.Add(start.Add(3*time.Hour), Result{Scope: read}); r.Damage == nil || !r.Damage.Since.Equal(start) {
			t.Fatalf("after a check of %+v: %+v", read, r.Damage)
		}
	}
	if r.Add(start.Add(4*time.Hour), Result{Scope: Scope{Length: whole, Opens: true}}); r.Damage != nil {
		t.Errorf("after a check of everything: %+v", r.Damage)
	}
}

// A rolling check of ten nights a lap covers a tenth each night, and then everything since nine
// nights ago. The record stays small.
func TestCoveredByRollingCheck(t *testing.T) {
	var r Record
	from := uint64(7 * tenth)
	for night := range 40 {
		now := start.AddDate(0, 0, night)
		r.Add(now, Result{Scope: Scope{From: from, Length: tenth}})
		from += tenth
		share, oldest := r.Covered()
		nights := min(night+1, 10)
		if math.Abs(share-float64(nights)/10) > 1e-9 || now.Sub(oldest) > 10*24*time.Hour || now.Sub(oldest) < time.Duration(nights-1)*24*time.Hour {
			t.Errorf("night %d: %v since %v", night, share, oldest)
		}
		if len(r.Reads) > 11 {
			t.Errorf("night %d: %d reads are kept", night, len(r.Reads))
		}
		text, err := r.Format()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		r = *again
	}
}

// What another host read does not count, nor does a share or a random part. Checks that follow each
// other closely are one.
func TestCoveredByThisHost(t *testing.T) {
	var r Record
	if share, oldest := r.Covered(); share != 0 || !oldest.IsZero() {
		t.Errorf("without checks: %v, %v", share, oldest)
	}
	r.Add(start, Result{Scope: Scope{From: 0, Length: tenth}})
	r.Add(start, Result{Scope: Scope{From: 4 * tenth, Length: tenth}})
	r.Add(start, Result{Scope: Scope{From: 5 * tenth, Length: tenth, N: 1, Of: 2}})
	r.Add(start, Result{Scope: Scope{From: 8 * tenth, Length: tenth}, Random: true})
	r.Add(start.Add(time.Hour), Result{Scope: Scope{From: 5 * tenth, Length: tenth}})
	if share, oldest := r.Covered(); math.Abs(share-.3) > 1e-9 || !oldest.Equal(start) || len(r.Reads) != 2 {
		t.Errorf("%v since %v in %d reads", share, oldest, len(r.Reads))
	}
	day := start.AddDate(0, 0, 1)
	r.Add(day, Result{Scope: Scope{Length: whole}})
	r.Add(day.AddDate(0, 0, 1), Result{Scope: Scope{From: 2 * tenth, Length: tenth}})
	if share, oldest := r.Covered(); share != 1 || !oldest.Equal(day) || len(r.Reads) != 2 {
		t.Errorf("after a check of all: %v since %v in %d reads", share, oldest, len(r.Reads))
	}
}

// Whatever is in the file, nothing counts that is more than the ring.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"damage":{"since":"2026-03-01T03:00:00Z","scope":{"from":1,"length":2,"n":1,"of":2}},"reads":[{"from":5,"length":6}]}`))
	f.Add([]byte(`{"reads":[{"from":18446744073709551615,"length":18446744073709551614},{"from":3,"length":18446744073709551615}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := Parse(text)
		if err != nil {
			return
		}
		r.addDamage(start, Scope{From: 3, Length: tenth})
		r.Add(start, Result{Scope: Scope{From: 1, Length: tenth}})
		if share, _ := r.Covered(); share < 0 || share > 1 {
			t.Errorf("a share of %v", share)
		}
		if r.Add(start, Result{Scope: Scope{Length: whole, Opens: true}}); r.Damage != nil {
			t.Errorf("%+v", r.Damage)
		}
	})
}
