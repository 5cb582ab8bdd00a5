package archive_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/loss"
	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/statement"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// nights is an account of some messages, with its manifests.
type nights struct {
	t       *testing.T
	store   *storetest.Memory
	repo    *repo.Repo
	account *archivetest.Account
	nights  []*backup.Result
}

func newNights(t *testing.T, messages int) *nights {
	t.Helper()
	h := &nights{t: t, store: &storetest.Memory{}, account: archivetest.NewAccount()}
	h.repo = archivetest.NewRepo(t, h.store)
	for n := range messages {
		h.account.Mailbox("INBOX").Add(fmt.Sprintf("Subject: %d\r\n\r\nbody\r\n", n))
	}
	return h
}

// night archives an account and raises no alarm, like a thief who writes manifests with a stolen
// key.
func (h *nights) night(a *archivetest.Account) {
	h.t.Helper()
	off := func(*mail.Mailbox) loss.Limit { return loss.Limit{Off: true} }
	results, err := backup.Run(h.t.Context(), h.repo, []backup.Account{{Name: "account-0", URL: "imap://test", Source: a, ShrinkLimit: off}}, backup.Options{})
	if err != nil || results[0].Err != nil || len(results[0].Manifest.Alarm) > 0 {
		h.t.Fatal(err, results[0].Err, results[0].Manifest)
	}
	h.nights = append(h.nights, results[0])
	h.store.Advance(24 * time.Hour)
}

func (h *nights) forget(policy history.Policy) *archive.ForgetPlan {
	h.t.Helper()
	plan, err := archive.PlanForget(h.t.Context(), h.repo, nil, policy, time.UTC, nil)
	mustForget(h.t, plan, err)
	return plan
}

// A manifest that lacks mail and has no alarm, such as one written with a stolen key, does not
// replace another. The one before it is kept until the owner acknowledges the loss.
func TestForgetFindsLossesThatNoAlarmMentions(t *testing.T) {
	for name, forge := range map[string]func(whole *archivetest.Account) *archivetest.Account{
		"empty": func(*archivetest.Account) *archivetest.Account { return archivetest.NewAccount() },
		"an empty mailbox": func(*archivetest.Account) *archivetest.Account {
			a := archivetest.NewAccount()
			a.Mailbox("INBOX")
			return a
		},
		"other mail": func(whole *archivetest.Account) *archivetest.Account {
			a := archivetest.NewAccount()
			a.Mailbox("INBOX").Validity = 99
			for n := range whole.Mailbox("INBOX").Messages {
				a.Mailbox("INBOX").Add(fmt.Sprintf("Subject: nonsense %d\r\n\r\n", n))
			}
			return a
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newNights(t, 30)
			for day := range 3 {
				h.account.Mailbox("INBOX").Add(fmt.Sprintf("Subject: day %d\r\n\r\n", day))
				h.night(h.account)
			}
			h.night(forge(h.account))
			h.night(h.account)
			plan := h.forget(history.Policy{Last: 1})
			if got := left(t, h.repo, h.nights); !slices.Equal(got, []int{2, 3, 4}) {
				t.Fatalf("%v are left", got)
			}
			for _, d := range plan.Decisions {
				forged := d.Head.Name == h.nights[3].Head.Name
				next := name == "other mail" && d.Head.Name == h.nights[4].Head.Name // it lacks what was forged
				if (forged || next) != (len(d.Lost) > 0) {
					t.Errorf("manifest %x lost %q", d.Head.ID[:4], d.Lost)
				}
			}
			for _, i := range []int{2, 3} {
				if _, err := archive.PlanForgetNamed(t.Context(), h.repo, []repo.Head{h.nights[i].Head}, nil); !errors.Is(err, archive.ErrKept) {
					t.Errorf("manifest %d by name: %v", i, err)
				}
			}
			lost, err := archive.LostBefore(t.Context(), h.repo, archive.Summary{Head: h.nights[3].Head, Manifest: h.nights[3].Manifest}, nil)
			if err != nil || len(lost) == 0 || !strings.Contains(lost[len(lost)-1], "account") {
				t.Errorf("lost before the forged one: %q, %v", lost, err)
			}
			for _, b := range h.nights[3:] {
				if err := h.repo.Tag(t.Context(), b.Head, []string{history.TagAcknowledged}, nil); err != nil {
					t.Fatal(err)
				}
			}
			h.forget(history.Policy{Last: 1})
			if got := left(t, h.repo, h.nights); !slices.Equal(got, []int{4}) {
				t.Errorf("after it was acknowledged %v are left", got)
			}
		})
	}
}

// The limits that are set for backups also apply to forget.
func TestForgetAppliesLimits(t *testing.T) {
	h := newNights(t, 30)
	h.night(h.account)
	h.night(archivetest.NewAccount())
	off := func(account string) func(*mail.Mailbox) loss.Limit {
		if account != "account-0" {
			t.Errorf("asked for the limits of %q", account)
		}
		return func(*mail.Mailbox) loss.Limit { return loss.Limit{Off: true} }
	}
	plan, err := archive.PlanForget(t.Context(), h.repo, nil, history.Policy{Last: 1}, time.UTC, off)
	mustForget(t, plan, err)
	if got := left(t, h.repo, h.nights); !slices.Equal(got, []int{1}) {
		t.Errorf("%v are left", got)
	}
}

// Manifests that monthly rules keep are not compared, because those between them were compared
// night by night.
func TestForgetComparesNightsNotMonths(t *testing.T) {
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
	h.forget(history.Policy{Last: 1})
	if got := left(t, h.repo, h.nights); !slices.Equal(got, []int{5}) {
		t.Errorf("%v are left", got)
	}
}

// A manifest that was forgotten before a later one existed was not compared with it.
func TestForgetComparesAcrossWhatWasForgottenBefore(t *testing.T) {
	h := newNights(t, 30)
	h.night(h.account)
	h.night(h.account)
	plan, err := archive.PlanForgetNamed(t.Context(), h.repo, []repo.Head{h.nights[1].Head}, nil)
	mustForget(t, plan, err)
	h.store.Advance(24 * time.Hour)
	h.night(archivetest.NewAccount())
	h.forget(history.Policy{Last: 1})
	if got := left(t, h.repo, h.nights); !slices.Equal(got, []int{0, 2}) {
		t.Errorf("%v are left", got)
	}
}

// If a manifest between two was erased, these were not compared. A message that was erased from all
// manifests is not lost.
func TestForgetAndErasures(t *testing.T) {
	h := newNights(t, 30)
	h.night(h.account)
	h.night(h.account)
	h.night(archivetest.NewAccount())
	h.night(h.account)
	if err := h.repo.MarkErased(t.Context(), []statement.Marked{{Manifest: h.nights[1].Head.Name}}); err != nil {
		t.Fatal(err)
	}
	h.store.Advance(24 * time.Hour)
	h.forget(history.Policy{Last: 1})
	if got := left(t, h.repo, h.nights); !slices.Equal(got, []int{0, 2, 3}) {
		t.Errorf("%v are left", got)
	}
	if err := h.repo.Erase(t.Context(), statement.Erasure{Messages: h.messages(0)}); err != nil {
		t.Fatal(err)
	}
	h.forget(history.Policy{Last: 1})
	if got := left(t, h.repo, h.nights); !slices.Equal(got, []int{3}) {
		t.Errorf("after all was erased %v are left", got)
	}
}

// messages returns the messages of a night, as an erasure names them.
func (h *nights) messages(night int) (all []statement.ErasedMessage) {
	h.t.Helper()
	c, err := archive.OpenManifest(h.t.Context(), h.repo, h.nights[night].Head)
	if err != nil {
		h.t.Fatal(err)
	}
	for mailbox, err := range c.Mailboxes(h.t.Context()) {
		if err != nil {
			h.t.Fatal(err)
		}
		for entry, err := range c.Entries(h.t.Context(), mailbox) {
			if err != nil {
				h.t.Fatal(err)
			}
			all = append(all, statement.ErasedMessage{Hash: entry.Hash})
		}
	}
	return all
}
