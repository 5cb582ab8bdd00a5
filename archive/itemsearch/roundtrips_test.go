package itemsearch_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/itemsearch"
	"github.com/mailstrata/mailstrata/collection"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// TestRoundTrips bounds the longest chain of requests of a search for one of 2,000 events, on a
// host without a cache, after 20 nights.
func TestRoundTrips(t *testing.T) {
	m := new(storetest.Memory)
	// A bubble is in January of 2000. The nights are before it, and not in it: their writers wait
	// with a mutex.
	back := time.Until(time.Date(1999, 11, 1, 0, 0, 0, 0, time.UTC))
	m.Advance(back)
	r := archivetest.NewRepo(t, m)
	calendar := archivetest.NewItemServer()
	for i := range 2000 {
		calendar.Collection("/office/").Put(fmt.Sprint(i, ".ics"), event("20260101", fmt.Sprint("Meeting ", i)))
	}
	a := archivetest.NewAccount()
	a.Mailbox("INBOX").Add("Subject: x\r\n\r\nx")
	a.Items = []collection.Source{calendar}
	for night := range 20 {
		calendar.Collection("/office/").Put(fmt.Sprint(night, ".ics"), event("20260101", fmt.Sprint("Changed ", night)))
		archivetest.Backup(t, r, a)
		m.Advance(24 * time.Hour)
		back += 24 * time.Hour
	}
	m.Advance(-back)
	for _, test := range []struct {
		command         string
		chain, requests int
		all             bool
	}{{"find --items", 9, 70, false}, {"find --items --all", 9, 130, true}} {
		synctest.Test(t, func(t *testing.T) {
			far := storetest.NewFar(m)
			r := archivetest.Reopen(t, far)
			found := 0
			q := itemsearch.Query{Words: []string{"1234"}}
			if test.all {
				for _, err := range itemsearch.FindAll(t.Context(), r, "", q) {
					if err != nil {
						t.Fatal(err)
					}
					found++
				}
			} else {
				latest, err := archive.Latest(t.Context(), r)
				if err != nil {
					t.Fatal(err)
				}
				for _, err := range itemsearch.Find(t.Context(), latest[0], q) {
					if err != nil {
						t.Fatal(err)
					}
					found++
				}
			}
			if found != 1 || far.RoundTrips() > test.chain || far.Requests().All() > test.requests {
				t.Errorf("%s: %d found, %d round trips, %+v", test.command, found, far.RoundTrips(), far.Requests())
			}
			t.Log(test.command, far.RoundTrips(), far.Requests())
		})
	}
}
