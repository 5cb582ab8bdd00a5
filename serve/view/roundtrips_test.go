package view_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
	"github.com/mailstrata/mailstrata/serve/view"
)

// What a session asks of a store that is far away: the longest chain of requests, one after the
// other.
func TestRoundTrips(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := new(storetest.Memory)
		r := archivetest.NewRepo(t, store)
		var err error
		a := archivetest.NewAccount()
		for n := range 3000 {
			a.Mailbox("INBOX").Add(fmt.Sprintf("Subject: number %d\r\n\r\nbody %d\r\n", n, n))
		}
		for n := range 20 {
			a.Mailbox("INBOX").Add(body(fmt.Sprint(n)))
			a.Mailbox(fmt.Sprint("Projects/", n)).Add(body(fmt.Sprint(n)))
			archivetest.Backup(t, r, a)
			store.Advance(24 * time.Hour)
		}
		far := storetest.NewFar(store)
		r, err = repo.Open(t.Context(), far, repo.Unlock{}, repo.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		all := view.Archives{view.NewArchive(r)}
		step := func(what string, most int, do func()) {
			far.Reset()
			do()
			if n := far.RoundTrips(); n > most {
				t.Errorf("%s takes %d round trips one after the other, want %d at most", what, n, most)
			} else {
				t.Logf("%s: %d round trips, %d requests", what, n, far.Requests().All())
			}
		}
		var v *view.View
		var l *view.List
		step("login", 4, func() { v = open(t, all, account) })
		step("SELECT", 3, func() { l, err = v.Mailbox("INBOX").Open(t.Context()) })
		if err != nil {
			t.Fatal(err)
		}
		some := make([]int, 2000)
		for i := range some {
			some[i] = i
		}
		for what, extent := range map[string]view.Extent{"headers of 2000": view.Headers, "2000 messages": view.Bodies} {
			step(what, 2, func() {
				for m, err := range l.Ahead(t.Context(), l.Records(t.Context(), slices.Values(some)), extent) {
					if err == nil && extent == view.Bodies {
						err = l.Contents().Body(m.Record).Verify(t.Context())
					} else if err == nil {
						_, err = l.Contents().Header(t.Context(), m.Record)
					}
					if err != nil {
						t.Fatal(err)
					}
				}
			})
		}
		step("a second login", 2, func() { v = open(t, all, account) })
		step("login to the nights", 6, func() { v = open(t, all, account+"#nights") })
		step("login to what is gone", 4, func() { v = open(t, all, account+"#gone") })
		step("SELECT of what is gone", 3, func() { _, err = v.Mailbox("INBOX").Open(t.Context()) })
		if err != nil {
			t.Fatal(err)
		}
	})
}
