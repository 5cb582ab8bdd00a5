package textindex_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/archive/textindex"
	"github.com/mailstrata/mailstrata/fulltext/words"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// With a store that is far away, the chain of requests, one after the other, is short: of the first
// index over 30 nights, of one more night, of a search with it, and of a search that reads all
// messages. It does not grow with nights, and by two with each window of 2,048 messages. List
// groups of the mailbox are one of the round trips of the first index.
func TestRoundTrips(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := new(storetest.Memory)
		near := archivetest.NewRepo(t, m)
		a := archivetest.NewAccount()
		for i := range 2000 {
			a.Mailbox("INBOX").Add(fmt.Sprintf("Subject: number %d\r\n\r\nbody %d of all\r\n", i, i))
		}
		night := func(n int) {
			for j := range 20 {
				a.Mailbox("INBOX").Add(fmt.Sprintf("Subject: night %d, %d\r\n\r\nbody of all\r\n", n, j))
			}
			a.Mailbox("INBOX").Expunge(a.Mailbox("INBOX").Messages[n].UID)
			archivetest.Backup(t, near, a)
			m.Advance(24 * time.Hour)
		}
		for n := range 30 {
			night(n)
		}
		far := storetest.NewFar(m)
		r, err := repo.Open(t.Context(), far, repo.Unlock{}, repo.Options{CacheDir: t.TempDir(), CacheSize: 1 << 30})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		x, _, err := textindex.Open(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		defer x.Close()
		q := &words.Query{Words: &words.Expr{Op: words.Phrase, Words: []string{"all"}}}
		var live *textindex.Live
		bring := func(messages int64) func() {
			return func() {
				var report textindex.Report
				if live, report, err = x.Bring(t.Context()); err != nil || report.Messages != messages {
					t.Errorf("%+v, %v", report, err)
				}
			}
		}
		find := func(hits func(yield func(*search.Hit, error) bool), want int) {
			n := 0
			for _, err := range hits {
				if err != nil {
					t.Fatal(err)
				}
				if n++; n == want {
					break
				}
			}
			if n != want {
				t.Errorf("%d found, want %d", n, want)
			}
		}
		for _, step := range []struct {
			what  string
			chain int
			do    func()
		}{
			{"the first index", 11, bring(2599)},
			{"nothing new", 1, bring(0)},
			{"20 hits in all nights", 1, func() { find(x.All(t.Context(), live, textindex.Search{Words: q}), 20) }},
			{"one more night", 6, func() { night(31); far.Reset(); bring(20)() }},
			{"all messages without an index", 5, func() {
				m := &textindex.Matcher{Query: q}
				find(search.FindAll(t.Context(), r, "", search.Query{Message: m}, nil), 2619)
			}},
		} {
			far.Reset()
			step.do()
			if n := far.RoundTrips(); n > step.chain {
				t.Errorf("%s takes %d round trips, want %d at most", step.what, n, step.chain)
			} else {
				t.Logf("%s: %d", step.what, n)
			}
		}
	})
}
