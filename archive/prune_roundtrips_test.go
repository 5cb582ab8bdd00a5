package archive_test

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// A prune that finds nothing to do needs the same number of round trips after few nights and after
// many.
func TestPruneRoundTrips(t *testing.T) {
	const most = 18
	for _, nights := range []int{4, 40} {
		t.Run(fmt.Sprint(nights), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := new(storetest.Memory)
				r := archivetest.NewRepo(t, m)
				mail := newCorrespondence()
				for range nights {
					mail.night(5)
					archivetest.Backup(t, r, mail.Account)
					m.Advance(aDay)
				}
				for range 4 { // until nothing is left to do
					mustPrune(t, r)
					m.Advance(aDay)
				}
				r.Close()
				far := storetest.NewFar(m)
				host := archivetest.Reopen(t, far)
				t.Logf("open: %d round trips, %+v", far.RoundTrips(), far.Requests())
				report := mustPrune(t, host)
				if report.Condemned.Objects+report.Deleted.Objects+report.Segments.Objects+report.Replaced.Objects > 0 {
					t.Fatalf("there was something to do: %+v", report)
				}
				t.Logf("%d round trips, %+v", far.RoundTrips(), far.Requests())
				if far.RoundTrips() > most {
					t.Errorf("%d round trips, %+v", far.RoundTrips(), far.Requests())
				}
			})
		})
	}
}

// After packs were brought together and deleted, the index names the deleted ones for another day.
// A walk does not look for them.
func TestWalkPassesOverDeletedPacks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := new(storetest.Memory)
		r := archivetest.NewRepo(t, m)
		mail := newCorrespondence()
		for range 20 {
			mail.night(5)
			archivetest.Backup(t, r, mail.Account)
			m.Advance(aDay)
		}
		mustPrune(t, r)
		m.Advance(aDay)
		if report := mustPrune(t, r); report.Deleted.Objects < 32 || report.Segments.Objects == 0 {
			t.Fatalf("%+v", report)
		}
		r.Close()
		far := storetest.NewFar(m)
		host := archivetest.Reopen(t, far)
		if _, err := archive.Prune(t.Context(), host, repo.PruneOptions{DryRun: true}); err != nil {
			t.Fatal(err)
		}
		if far.RoundTrips() > 20 {
			t.Errorf("%d round trips, %+v", far.RoundTrips(), far.Requests())
		}
	})
}
