package archive_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/statement"
)

// shrunk returns the numbers of the nights that lack mail of the one before and have no alarm.
func (h *nights) shrunk() (nights []int) {
	h.t.Helper()
	var histories archive.Histories
	for s, err := range archive.Manifests(h.t.Context(), h.repo) {
		if err != nil {
			h.t.Fatal(err)
		}
		histories.Add(s)
	}
	found, err := histories.Shrunk(h.t.Context(), h.repo, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, u := range found {
		nights = append(nights, slices.IndexFunc(h.nights, func(b *backup.Result) bool { return b.Head.Name == u.Head.Name }))
	}
	slices.Sort(nights)
	return nights
}

func (h *nights) mustShrink(want ...int) {
	h.t.Helper()
	if got := h.shrunk(); !slices.Equal(got, want) {
		h.t.Errorf("%v lack mail, want %v", got, want)
	}
}

// The totals only select candidates. A manifest with fewer messages is not reported if the mail is
// still there or its loss is acknowledged or erased.
func TestShrunkReportsNoFalseLosses(t *testing.T) {
	t.Run("copies", func(t *testing.T) {
		h := newNights(t, 100)
		inbox := h.account.Mailbox("INBOX")
		for _, m := range slices.Clone(inbox.Messages) {
			inbox.CopyTo(h.account.Mailbox("All"), m.UID)
		}
		h.night(h.account)
		for _, m := range slices.Clone(inbox.Messages) {
			inbox.Expunge(m.UID)
		}
		h.night(h.account)
		h.mustShrink()
	})
	t.Run("acknowledged", func(t *testing.T) {
		h := newNights(t, 30)
		h.night(h.account)
		h.night(archivetest.NewAccount())
		h.mustShrink(1)
		if err := h.repo.Tag(t.Context(), h.nights[1].Head, []string{history.TagAcknowledged}, nil); err != nil {
			t.Fatal(err)
		}
		h.mustShrink()
	})
	t.Run("erased", func(t *testing.T) {
		h := newNights(t, 30)
		h.night(h.account)
		h.night(archivetest.NewAccount())
		if err := h.repo.Erase(t.Context(), statement.Erasure{Messages: h.messages(0)}); err != nil {
			t.Fatal(err)
		}
		h.mustShrink()
	})
	t.Run("months left of nights", func(t *testing.T) {
		h := newNights(t, 200)
		h.night(h.account)
		for range 5 {
			inbox := h.account.Mailbox("INBOX")
			for _, m := range slices.Clone(inbox.Messages[:25]) {
				inbox.Expunge(m.UID)
			}
			h.night(h.account)
		}
		var between []repo.Head
		for _, b := range h.nights[1:5] {
			between = append(between, b.Head)
		}
		plan, err := archive.PlanForgetNamed(t.Context(), h.repo, between, nil)
		mustForget(t, plan, err)
		h.store.Advance(24 * time.Hour)
		h.mustShrink()
	})
}

// Only the manifest that lacks mail is reported, not those before or after it.
func TestShrunkReportsTheManifestThatLacksMail(t *testing.T) {
	h := newNights(t, 100)
	for day := range 3 {
		h.account.Mailbox("INBOX").Add(fmt.Sprintf("Subject: day %d\r\n\r\n", day))
		h.night(h.account)
	}
	some := archivetest.NewAccount()
	for _, m := range h.account.Mailbox("INBOX").Messages[:40] {
		some.Mailbox("INBOX").Add(string(m.Body))
	}
	h.night(some)
	h.night(h.account)
	h.mustShrink(3)
}
