package storetest_test

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// Requests at once take one round trip, and requests one after the other take one each.
func TestFarCountsRoundTrips(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := storetest.NewFar(&storetest.Memory{})
		if err := f.Put(t.Context(), "data/a", strings.NewReader("mail"), 4); err != nil {
			t.Fatal(err)
		}
		var group sync.WaitGroup
		for range 5 {
			group.Go(func() {
				for _, err := range f.List(t.Context(), "data/") {
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
		if _, err := f.Now(t.Context()); err != nil {
			t.Fatal(err)
		}
		if r := f.Requests(); r.Put != 1 || r.List != 5 || r.All() != 6 || f.RoundTrips() != 2 {
			t.Errorf("%+v in %d round trips, want a Put and five Lists in 2", r, f.RoundTrips())
		}
		f.Reset()
		if f.Requests().All() != 0 || f.RoundTrips() != 0 {
			t.Error("Reset leaves counts")
		}
	})
}
