package repo_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// slowClock is a store that returns the same time several times, like one that reports whole
// seconds.
type slowClock struct {
	*storetest.Memory
	time time.Time
}

func (s slowClock) Now(context.Context) (time.Time, error) { return s.time, nil }

func TestLastCommittedIsListedFirst(t *testing.T) {
	store := slowClock{&storetest.Memory{}, time.Now().Truncate(time.Second)}
	r, err := repo.Init(t.Context(), store, repo.InitOptions{NoSeal: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var want, got []repo.Head
	for range 4 {
		run, err := r.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range run.Heads(t.Context(), "me") { // as a search for a parent does
			if err != nil {
				t.Fatal(err)
			}
			break
		}
		w, err := run.Writer(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		head, err := w.Commit(t.Context(), "me", encodeManifest(t, run.Deadline(), nil))
		if err != nil {
			t.Fatal(err)
		}
		w.Close()
		want = append(want, head)
	}
	for head, err := range r.AccountManifests(t.Context(), "me") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, head)
	}
	slices.Reverse(want)
	for i := range want {
		if got[i].Name != want[i].Name {
			t.Errorf("manifest %d of the listing is not the one committed then", i)
		}
	}
}
