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
		m.Advance(24 * 60 * 60 * 1e9)
	}
	return m
}

// The chain of requests of a command that reads does not grow with the nights in the archive.
func TestRoundTrips(t *testing.T) {
	for _, test := range []struct {
		name string
		most int
		run  func(t *testing.T, r *repo.Repo)
	}{
		{"list", 8, func(t *testing.T, r *repo.Repo) {
			for _, err := range archive.Manifests(t.Context(), r) {
				if err != nil {
					t.Fatal(err)
				}
			}
		}},
	} {
		for _, n := range []int{3, 30} {
			t.Run(fmt.Sprint(test.name, " after ", n), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					far := storetest.NewFar(archivedNights(t, n))
					r := archivetest.Reopen(t, far)
					test.run(t, r)
					t.Logf("%d round trips, %+v", far.RoundTrips(), far.Requests())
					if far.RoundTrips() > test.most {
						t.Errorf("%d round trips, %+v", far.RoundTrips(), far.Requests())
					}
				})
			})
		}
	}
}
