package pin

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/repo/format"
)

// A host accepts what it has seen, and what a key file or the user names. It refuses another
// repository in its place.
func TestCheck(t *testing.T) {
	seen := Repository{Location: "here", ID: "a", Fingerprint: "f", Number: 3}
	with := func(change func(*Repository)) Repository {
		r := seen
		change(&r)
		return r
	}
	for name, test := range map[string]struct {
		now        Repository
		trust, key string
		before     bool // the host has seen the repository
		vouched    bool
		err        error
	}{
		"seen":                       {seen, "", "", true, true, nil},
		"seen with a newer config":   {with(func(r *Repository) { r.Number = 4 }), "", "", true, true, nil},
		"seen with an older config":  {with(func(r *Repository) { r.Number = 2 }), "", "", true, true, ErrSwapped},
		"another repository":         {with(func(r *Repository) { r.ID = "b" }), "", "", true, true, ErrSwapped},
		"another keeper":             {with(func(r *Repository) { r.Fingerprint = "g" }), "", "", true, true, ErrSwapped},
		"another keeper, trusted":    {with(func(r *Repository) { r.Fingerprint = "g" }), "g", "", true, true, nil},
		"the user names another":     {seen, "g", "", true, true, ErrUntrusted},
		"new":                        {seen, "", "", false, false, nil},
		"new, as the key file names": {seen, "", "f", false, true, nil},
		"new, the key names another": {seen, "", "g", false, true, ErrSwapped},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if test.before {
				if _, _, err := New(dir, seen).Check("f", ""); err != nil {
					t.Fatal(err)
				}
			}
			vouched, _, err := New(dir, test.now).Check(test.trust, test.key)
			if vouched != test.vouched || !errors.Is(err, test.err) {
				t.Errorf("vouched %t, %v", vouched, err)
			}
			if _, _, err := New(dir, test.now).Check("", ""); (err == nil) == (test.before && test.err == ErrSwapped) {
				t.Errorf("the next time: %v", err)
			}
		})
	}
}

// The newest manifest of each account stays, unless the clock of its host was ahead.
func TestNewest(t *testing.T) {
	seen := Repository{Location: "here", ID: "a", Fingerprint: "f"}
	dir := t.TempDir()
	open := func() *Pin { return New(dir, seen) }
	if err := open().Refresh(); err != nil {
		t.Fatal(err)
	}
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	account := strings.Repeat("ab", 16)
	manifest := func(at, stored time.Time) Manifest {
		return Manifest{Account: account, Name: format.ManifestName(account, at, [32]byte{byte(at.Hour())}), Time: at, Stored: stored}
	}
	newest := NewNewest(open, time.Minute)
	for i, step := range []struct {
		m    Manifest
		want int // index of the manifest that is remembered
	}{
		{manifest(noon, noon), 0},
		{manifest(noon.Add(-time.Hour), noon), 0}, // older
		{manifest(noon.Add(time.Hour), noon.Add(time.Hour)), 2},
		{manifest(noon.Add(9*time.Hour), noon.Add(2*time.Hour)), 3}, // its clock is ahead
		{manifest(noon.Add(3*time.Hour), noon.Add(3*time.Hour)), 4}, // so this one replaces it
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			if err := newest.Set(t.Context(), step.m); err != nil {
				t.Fatal(err)
			}
			name, err := open().Newest(account)
			if is := name == step.m.Name; err != nil || is != (step.want == i) {
				t.Errorf("%s is remembered: %v", name, err)
			}
		})
	}
}
