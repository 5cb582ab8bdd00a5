package archive_test

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// A prune that finds nothing to do needs the same number of round trips after few nights and after many.
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
