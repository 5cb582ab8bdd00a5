package restore_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
	"github.com/mailstrata/mailstrata/restore"
)

// nightly archives an account as it grows, once a night. Each night makes packs of its own.
func nightly(t *testing.T, nights int) *storetest.Memory {
	t.Helper()
	m := new(storetest.Memory)
	r := archivetest.NewRepo(t, m)
	defer r.Close()
	a := archivetest.NewAccount()
	for i := range nights {
		for j := range 20 {
			text := archivetest.Base64(archivetest.RandomBytes(uint64(i*100+j), 3000))
			a.Mailbox("INBOX").Add(fmt.Sprintf("Subject: night %d, %d\r\n\r\nbody\r\n%s", i, j, text))
		}
		a.Mailbox(fmt.Sprintf("Projects/%02d", i)).Add(fmt.Sprintf("Subject: project %d\r\n\r\nbody\r\n", i))
		archivetest.Backup(t, r, a)
		m.Advance(24 * time.Hour)
	}
	return m
}

// restoreFar restores the newest manifest from a far store, and returns the round trips and
// requests of that.
func restoreFar(t *testing.T, m *storetest.Memory, free bool) (messages int64, trips int, requests storetest.Requests) {
	t.Helper()
	far := storetest.NewFar(m)
	r := archivetest.Reopen(t, far)
	var newest *archive.Summary
	for s, err := range archive.Manifests(t.Context(), r) {
		if err != nil {
			t.Fatal(err)
		}
		if newest == nil || s.Manifest.Start.After(newest.Manifest.Start) {
			newest = &s
		}
	}
	far.Reset()
	contents, err := archive.OpenManifest(t.Context(), r, newest.Head)
	if err != nil {
		t.Fatal(err)
	}
	target := &memTarget{Folders: map[string]*memFolder{}, Free: free}
	report, err := restore.Run(t.Context(), restore.Options{Contents: contents, Target: target})
	if err != nil || !report.Whole() {
		t.Fatal(report, err)
	}
	return report.Added, far.RoundTrips(), far.Requests()
}

// A restore makes no more requests one after the other if the mail came in many nights, and lies in
// many packs.
func TestRoundTrips(t *testing.T) {
	for _, free := range []bool{true, false} {
		for _, nights := range []int{3, 30} {
			t.Run(fmt.Sprintf("nights=%d free=%v", nights, free), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					messages, trips, requests := restoreFar(t, nightly(t, nights), free)
					if messages != int64(nights*21) {
						t.Errorf("%d messages were restored", messages)
					}
					t.Logf("%d round trips, %+v", trips, requests)
					if trips > 6 {
						t.Errorf("%d round trips, %+v", trips, requests)
					}
				})
			})
		}
	}
}

// A message that is too large for memory is fetched once, and in few round trips.
func TestLargeMessagesAreFetchedOnce(t *testing.T) {
	const size = 12 << 20
	synctest.Test(t, func(t *testing.T) {
		m := new(storetest.Memory)
		r := archivetest.NewRepo(t, m)
		defer r.Close()
		a := archivetest.NewAccount()
		a.Mailbox("INBOX").Add("Subject: large\r\n\r\n" + string(archivetest.Base64(archivetest.RandomBytes(1, size))))
		archivetest.Backup(t, r, a)
		messages, trips, requests := restoreFar(t, m, true)
		t.Logf("%d round trips, %+v", trips, requests)
		if messages != 1 || trips > 6 || requests.Bytes > size*5/4 {
			t.Errorf("%d messages, %d round trips, %+v", messages, trips, requests)
		}
	})
}

// Mail that does not compress is fetched with many bytes under way.
func TestManyBytesTakeFewRoundTrips(t *testing.T) {
	const messages, size = 160, 250_000
	synctest.Test(t, func(t *testing.T) {
		m := new(storetest.Memory)
		r := archivetest.NewRepo(t, m)
		defer r.Close()
		a := archivetest.NewAccount()
		for i := range messages {
			text := archivetest.Base64(archivetest.RandomBytes(uint64(i), size))
			a.Mailbox("INBOX").Add(fmt.Sprintf("Subject: %d\r\n\r\n%s", i, text))
		}
		archivetest.Backup(t, r, a)
		restored, trips, requests := restoreFar(t, m, true)
		t.Logf("%d round trips, %+v", trips, requests)
		if restored != messages || trips > 8 {
			t.Errorf("%d messages, %d round trips, %+v", restored, trips, requests)
		}
	})
}
