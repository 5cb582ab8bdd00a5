package page_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
	"github.com/mailstrata/mailstrata/serve/view"
)

// What pages ask of a store that is far away: the longest chain of requests, one after the other.
func TestRoundTrips(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := new(storetest.Memory)
		r := archivetest.NewRepo(t, store)
		a := archivetest.NewAccount()
		inbox := a.Mailbox("INBOX")
		for n := range 1000 {
			inbox.Add(fmt.Sprintf("Subject: number %d\r\n\r\nbody %d\r\n", n, n))
		}
		for range 20 {
			inbox.Add(mixed)
			a.Mailbox("Work").Add(mixed)
			archivetest.Backup(t, r, a)
			store.Advance(24 * time.Hour)
		}
		inbox.Expunge(5)
		archivetest.Backup(t, r, a)
		far := storetest.NewFar(store)
		r, err := repo.Open(t.Context(), far, repo.Unlock{}, repo.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		b := open(t, view.Archives{view.NewArchive(r)})
		step := func(what string, most int, at string) {
			t.Helper()
			far.Reset()
			b.get(at)
			if n := far.RoundTrips(); n > most {
				t.Errorf("%s takes %d round trips one after the other, want %d at most", what, n, most)
			} else {
				t.Logf("%s: %d round trips, %d requests", what, n, far.Requests().All())
			}
		}
		night := address("mailbox", "a", account, "m", "INBOX")
		step("the accounts", 4, "./")
		step("an account", 3, address("account", "a", account))
		step("a night", 4, address("night", "a", account))
		step("a mailbox", 5, night)
		step("the next page", 1, night+"&p=2")
		step("sorted by sender", 2, night+"&s=from")
		step("a message", 2, address("message", "a", account, "m", "INBOX", "u", "1010"))
		step("the same message", 0, address("message", "a", account, "m", "INBOX", "u", "1010"))
		step("when it was there", 6, address("stay", "a", account, "m", "INBOX", "u", "1010"))
		step("a search of headers", 6, address("search", "a", account, "q", "larger:1"))
	})
}
