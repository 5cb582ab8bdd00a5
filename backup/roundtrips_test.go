package backup_test

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// farHost backs up an account to a store that is a round trip away. Each night is a process of its
// own, with the cache and the memory of the nights before.
type farHost struct {
	*archivetest.Account
	far     *storetest.Far
	options repo.Options
	day     int
}

func newFarHost(t *testing.T) *farHost {
	t.Helper()
	h := &farHost{
		Account: archivetest.NewAccount(), far: storetest.NewFar(&storetest.Memory{}),
		options: repo.Options{CacheDir: t.TempDir(), StateDir: t.TempDir(), Location: "far"},
	}
	r, err := repo.Init(t.Context(), h.far, repo.InitOptions{NoSeal: true, Options: h.options})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	return h
}

// night backs up the account, and returns the round trips and the requests that this took.
func (h *farHost) night(t *testing.T) (int, storetest.Requests) {
	t.Helper()
	h.far.Reset()
	r, err := repo.Open(t.Context(), h.far, repo.Unlock{}, h.options)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	archivetest.Backup(t, r, h.Account)
	return h.far.RoundTrips(), h.far.Requests()
}

// deliver adds messages to a mailbox.
func (h *farHost) deliver(mailbox string, n int) {
	for range n {
		h.day++
		h.Mailbox(mailbox).Add(fmt.Sprintf("Subject: number %d\r\n\r\nbody of number %d\r\n", h.day, h.day))
	}
}

// mostOf fails if a night took more round trips or requests than these.
func mostOf(t *testing.T, what string, trips, requests, mostTrips, mostRequests int) {
	t.Helper()
	if trips > mostTrips || requests > mostRequests {
		t.Errorf("%s: %d round trips with %d requests, want at most %d with %d", what, trips, requests, mostTrips, mostRequests)
	}
}

// The figures are those of docs/design/roundtrips.md, which says what each round trip is.
func TestANightTakesFewRoundTripsAtAnyAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFarHost(t)
		night := func(what string, mostTrips, mostRequests int) {
			t.Helper()
			trips, requests := h.night(t)
			mostOf(t, what, trips, requests.All(), mostTrips, mostRequests)
		}
		for i := range 5 {
			h.deliver([]string{"INBOX", "Sent", "Archive"}[i%3], 40)
		}
		night("first", 10, 18)
		night("unchanged", 5, 8)
		for n := range 100 {
			h.deliver("INBOX", 10)
			night(fmt.Sprintf("10 new, night %d", n), 13, 28)
		}
		night("unchanged after 100 nights", 5, 8)
		for uid := range 20 {
			h.Mailbox("INBOX").SetFlags(h.Mailbox("INBOX").Messages[uid*50].UID, `\Seen`)
		}
		night("flags of 20 messages changed", 12, 40)
	})
}

// A large mailbox, whose page lists are in groups, takes one round trip more on a night with news,
// and none on others.
func TestGroupsTakeARoundTrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFarHost(t)
		h.deliver("INBOX", 5000)
		trips, requests := h.night(t)
		mostOf(t, "first", trips, requests.All(), 10, 18)
		for n := range 20 {
			h.deliver("INBOX", 10)
			trips, requests = h.night(t)
			mostOf(t, fmt.Sprintf("10 new, night %d", n), trips, requests.All(), 14, 30)
			trips, requests = h.night(t)
			mostOf(t, "unchanged", trips, requests.All(), 5, 8)
		}
	})
}

// Mailboxes are read at once as far as the server allows, and what their updates need of the store
// is requested for all of them together.
func TestManyMailboxesShareRoundTrips(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFarHost(t)
		for i := range 1000 {
			h.deliver(fmt.Sprintf("Customers/%d", i), 2)
		}
		trips, requests := h.night(t)
		mostOf(t, "first", trips, requests.All(), 10, 18)
		trips, requests = h.night(t)
		mostOf(t, "unchanged", trips, requests.All(), 5, 8)
		for i := range 300 {
			h.deliver(fmt.Sprintf("Customers/%d", 3*i), 1)
		}
		trips, requests = h.night(t)
		mostOf(t, "300 mailboxes with news", trips, requests.All(), 11, 20)
	})
}
