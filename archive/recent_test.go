package archive_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/statement"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// recent returns the numbers of the nights that Recent yields.
func (h *nights) recent() (nights []int) {
	h.t.Helper()
	for s, err := range archive.Recent(h.t.Context(), h.repo, nil) {
		if err != nil {
			h.t.Fatal(err)
		}
		nights = append(nights, slices.IndexFunc(h.nights, func(b *backup.Result) bool { return b.Head.Name == s.Head.Name }))
	}
	return nights
}

func (h *nights) mustBeRecent(want ...int) {
	h.t.Helper()
	if got := h.recent(); !slices.Equal(got, want) {
		h.t.Errorf("nights %v are read, want %v", got, want)
	}
}

// Recent goes back to the last good manifest and the one before it. One that lacks mail is not
// good, so it goes further.
func TestRecentGoesBackToTheLastGoodManifest(t *testing.T) {
	h := newNights(t, 100)
	h.night(h.account)
	h.mustBeRecent(0)
	for range 4 {
		h.night(h.account)
	}
	h.mustBeRecent(4, 3)
	h.night(archivetest.NewAccount()) // lacks all mail, without an alarm
	h.mustBeRecent(5, 4, 3)
	h.night(h.account)
	h.mustBeRecent(6, 5)

	alarming := archivetest.NewAccount()
	alarming.Mailbox("INBOX").Add("Subject: left\r\n\r\n")
	h.nights = append(h.nights, archivetest.Backup(t, h.repo, alarming))
	h.mustBeRecent(7, 6, 5)
	if _, err := h.repo.Manifest(t.Context(), h.nights[6].Head); err != nil {
		t.Fatal(err)
	}
	if err := h.repo.MarkAll(t.Context(), []statement.Marked{{Manifest: h.nights[6].Head.Name}}); err != nil {
		t.Fatal(err)
	}
	h.mustBeRecent(7, 5, 4, 3)
}

// The last good nights of many accounts cost two manifests of each, and a few round trips in all.
func TestRecentReadsTwoManifestsOfAnAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const accounts, nights = 40, 5
		memory := &storetest.Memory{}
		r := archivetest.NewRepo(t, memory)
		var list []*archivetest.Account
		for i := range accounts {
			a := archivetest.NewAccount()
			a.Mailbox("INBOX").Add(fmt.Sprintf("Subject: of %d\r\n\r\n", i))
			list = append(list, a)
		}
		for range nights {
			if b := archivetest.TryBackup(t.Context(), r, list...); b.Err != nil {
				t.Fatal(b.Err)
			}
			time.Sleep(24 * time.Hour)
		}
		far := storetest.NewFar(memory)
		cold, err := repo.Open(t.Context(), far, repo.Unlock{}, repo.Options{CacheDir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		defer cold.Close()
		far.Reset()
		yielded := 0
		for _, err := range archive.Recent(t.Context(), cold, nil) {
			if err != nil {
				t.Fatal(err)
			}
			yielded++
		}
		if got := far.Requests(); yielded != 2*accounts || got.Get != 2*accounts || got.List > 2 || far.RoundTrips() > 4 {
			t.Errorf("%d manifests with %+v in %d round trips", yielded, got, far.RoundTrips())
		}
	})
}
