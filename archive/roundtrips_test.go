package archive_test

import (
	"fmt"
	"iter"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/diff"
	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// archivedNights archives an account as it grows and changes, once a night, and returns the store.
func archivedNights(t *testing.T, n int) *storetest.Memory {
	t.Helper()
	m := new(storetest.Memory)
	r := archivetest.NewRepo(t, m)
	defer r.Close()
	a := archivetest.NewAccount()
	for i := range 2000 {
		a.Mailbox("INBOX").Add(fmt.Sprintf("Subject: number %d\r\n\r\nbody %d\r\n", i, i))
	}
	for i := range 100 {
		a.Mailbox(fmt.Sprintf("Projects/%02d", i)).Add(fmt.Sprintf("Subject: project %d\r\n\r\nbody\r\n", i))
	}
	for i := range n {
		for j := range 20 {
			a.Mailbox("INBOX").Add(fmt.Sprintf("Subject: night %d, %d\r\n\r\nbody\r\n", i, j))
		}
		a.Mailbox("INBOX").Expunge(a.Mailbox("INBOX").Messages[i].UID)
		a.Mailbox(fmt.Sprintf("Projects/%02d", i%100)).Add(fmt.Sprintf("Subject: more %d\r\n\r\nbody\r\n", i))
		archivetest.Backup(t, r, a)
		m.Advance(24 * time.Hour)
	}
	return m
}

// openNamed opens the manifest that a person names.
func openNamed(t *testing.T, r *repo.Repo, name string) *archive.Contents {
	t.Helper()
	ref, err := history.ParseRef(name, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	c, _, err := archive.OpenNamed(t.Context(), r, ref)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Each command that reads, on a host without a cache: the longest chain of requests, one after the
// other, and their number, both after 30 nights. The chain does not grow with the nights.
// docs/design/roundtrips.md has the steps. All but check list ahead (repo.Options.ListAhead).
var roundTrips = []struct {
	command         string
	chain, requests int
	run             func(t *testing.T, r *repo.Repo)
}{
	{"list", 3, 40, func(t *testing.T, r *repo.Repo) {
		for _, err := range archive.Manifests(t.Context(), r) {
			if err != nil {
				t.Fatal(err)
			}
		}
	}},
	{"show latest", 4, 42, func(t *testing.T, r *repo.Repo) {
		for _, err := range openNamed(t, r, "latest").Mailboxes(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
		}
	}},
	{"ls latest INBOX", 7, 100, func(t *testing.T, r *repo.Repo) {
		c := openNamed(t, r, "latest")
		inbox, err := c.Mailbox(t.Context(), "INBOX")
		if err != nil {
			t.Fatal(err)
		}
		for entry, err := range archive.EntryHeadersAhead(t.Context(), c.Chunks(), c.Entries(t.Context(), inbox)) {
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.HeaderFields(t.Context(), &entry.Record); err != nil {
				t.Fatal(err)
			}
		}
	}},
	{"find --subject", 7, 100, func(t *testing.T, r *repo.Repo) {
		r.PrepareIndex(t.Context())
		latest, err := archive.Latest(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		found := func(yield func(*search.Hit, error) bool) {
			for match, err := range search.Find(t.Context(), latest[0], search.Query{Subject: "number"}, nil) {
				if !yield(&search.Hit{Match: match, Contents: latest[0]}, err) {
					return
				}
			}
		}
		mustFind(t, search.Newest(t.Context(), found, 0, true))
	}},
	{"find --all --subject", 5, 130, func(t *testing.T, r *repo.Repo) {
		mustFind(t, search.Newest(t.Context(), search.FindAll(t.Context(), r, "", search.Query{Subject: "number"}, nil), 0, true))
	}},
	{"find --all --since", 6, 130, func(t *testing.T, r *repo.Repo) {
		mustFind(t, search.Newest(t.Context(), search.FindAll(t.Context(), r, "", search.Query{Since: time.Unix(0, 0)}, nil), 0, true))
	}},
	{"diff latest~2 latest", 6, 54, func(t *testing.T, r *repo.Repo) {
		if _, err := diff.Compare(t.Context(), openNamed(t, r, "latest~2"), openNamed(t, r, "latest")); err != nil {
			t.Fatal(err)
		}
	}},
	{"check", 16, 230, func(t *testing.T, r *repo.Repo) { archivetest.MustBeSound(t, r) }},
}

func mustFind[T any](t *testing.T, found iter.Seq2[T, error]) {
	t.Helper()
	n := 0
	for _, err := range found {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n < 2000-30 {
		t.Errorf("%d messages found", n)
	}
}

// A command over many small mailboxes costs no round trip each.
func TestRoundTripsOfSmallMailboxes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := new(storetest.Memory)
		r := archivetest.NewRepo(t, m)
		defer r.Close()
		a := archivetest.NewAccount()
		for i := range 2000 {
			a.Mailbox(fmt.Sprintf("Customers/%04d", i)).Add(fmt.Sprintf("Subject: number %d\r\n\r\nbody\r\n", i))
		}
		archivetest.Backup(t, r, a)
		far := storetest.NewFar(m)
		for _, test := range roundTrips {
			if strings.HasPrefix(test.command, "ls") || strings.HasPrefix(test.command, "diff") {
				continue // they need a mailbox, and two nights
			}
			far.Reset()
			test.run(t, archivetest.ReopenWith(t, far, repo.Options{CacheDir: t.TempDir(), ListAhead: test.command != "check"}))
			t.Logf("%s: %d round trips, %+v", test.command, far.RoundTrips(), far.Requests())
			if far.RoundTrips() > test.chain {
				t.Errorf("%s: %d round trips", test.command, far.RoundTrips())
			}
		}
	})
}

func TestRoundTrips(t *testing.T) {
	for _, n := range []int{3, 30} {
		t.Run(fmt.Sprintf("%d nights", n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				far := storetest.NewFar(archivedNights(t, n))
				for _, test := range roundTrips {
					far.Reset()
					test.run(t, archivetest.ReopenWith(t, far, repo.Options{CacheDir: t.TempDir(), ListAhead: test.command != "check"}))
					t.Logf("%s: %d round trips, %+v", test.command, far.RoundTrips(), far.Requests())
					if far.RoundTrips() > test.chain || far.Requests().All() > test.requests {
						t.Errorf("%s: %d round trips, %d requests", test.command, far.RoundTrips(), far.Requests().All())
					}
				}
			})
		})
	}
}

// A second search of all manifests on a host takes no request but those with which the repository
// is opened and listed, after 30 nights too.
func TestRoundTripsOfSecondFind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far := storetest.NewFar(archivedNights(t, 30))
		dir := t.TempDir()
		for again := range 2 {
			far.Reset()
			r := archivetest.ReopenWith(t, far, repo.Options{CacheDir: dir, CacheSize: 1 << 30, ListAhead: true})
			found := search.FindAll(t.Context(), r, "", search.Query{Subject: "number"}, nil)
			mustFind(t, search.Newest(t.Context(), found, 0, true))
			r.Close()
			if again == 1 && (far.RoundTrips() != 2 || far.Requests().All() != 7) {
				t.Errorf("%d round trips, %+v", far.RoundTrips(), far.Requests())
			}
		}
	})
}
