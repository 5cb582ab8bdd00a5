package archive_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/loss"
	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// twoHosts archives an account on two hosts at once. The first one reads it after a mailbox came,
// and commits first; the second one has read it before. It returns both manifests.
func twoHosts(
	t *testing.T, store *storetest.Memory,
) (r *repo.Repo, account *archivetest.Account, first, second *backup.Result) {
	t.Helper()
	r = archivetest.NewRepo(t, store)
	account = archivetest.NewAccount()
	for n := range 40 {
		account.Mailbox("INBOX").Add(fmt.Sprintf("Subject: %d\r\n\r\n", n))
	}
	archivetest.Backup(t, r, account)
	store.Advance(24 * time.Hour)
	later := archivetest.NewAccount()
	for _, m := range account.Mailbox("INBOX").Messages {
		later.Mailbox("INBOX").Add(string(m.Body))
	}
	for n := range 30 {
		later.Mailbox("Projects").Add(fmt.Sprintf("Subject: project %d\r\n\r\n", n))
	}
	account.OnSurvey = func(int) {
		account.OnSurvey = nil
		first = archivetest.Backup(t, archivetest.Reopen(t, store), later)
		store.Advance(time.Minute)
	}
	second = archivetest.Backup(t, r, account)
	if !second.Head.Time.After(first.Head.Time) || second.Manifest.Parent == first.Head.ID || len(first.Manifest.Alarm)+len(second.Manifest.Alarm) > 0 {
		t.Fatal("the second host did not run beside the first")
	}
	return r, later, first, second
}

// planned returns which manifests a policy forgets, and what lacks mail.
func planned(t *testing.T, r *repo.Repo, policy history.Policy) (forgotten []repo.Head, lost []string) {
	t.Helper()
	plan, err := archive.PlanForget(t.Context(), r, nil, policy, time.UTC, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range plan.Decisions {
		if !d.Keep {
			forgotten = append(forgotten, d.Head)
		}
		lost = append(lost, d.Lost...)
	}
	return forgotten, lost
}

func goes(forgotten []repo.Head, b *backup.Result) bool {
	return slices.ContainsFunc(forgotten, func(h repo.Head) bool { return h.Name == b.Head.Name })
}

// Two hosts that archive an account at once raise no false alarm if the one that commits last has
// read it before mail came. What it lacks is not forgotten before a later manifest was compared
// with it.
func TestHostsAtOnceRaiseNoFalseAlarm(t *testing.T) {
	store := &storetest.Memory{}
	r, account, first, second := twoHosts(t, store)
	shrunk := func(when string, want int) {
		t.Helper()
		var histories archive.Histories
		for s, err := range archive.Manifests(t.Context(), r) {
			if err != nil {
				t.Fatal(err)
			}
			histories.Add(s)
		}
		found, err := histories.Shrunk(t.Context(), r, nil)
		if err != nil || len(found) != want {
			t.Errorf("%s: %v lack mail, error %v", when, found, err)
		}
	}
	shrunk("both", 0)
	forgotten, lost := planned(t, r, history.Policy{Last: 1})
	if len(lost) > 0 || goes(forgotten, first) || goes(forgotten, second) {
		t.Errorf("what both wrote: %d are forgotten, lost %v", len(forgotten), lost)
	}
	store.Advance(24 * time.Hour)
	next := archivetest.Backup(t, r, account)
	if len(next.Manifest.Alarm) > 0 {
		t.Errorf("the next night: %v", next.Manifest.Alarm)
	}
	shrunk("the next night", 0)
	forgotten, lost = planned(t, r, history.Policy{Last: 1})
	if len(lost) > 0 || !goes(forgotten, first) || !goes(forgotten, second) {
		t.Errorf("the next night: %d are forgotten, lost %v", len(forgotten), lost)
	}
}

// Mail that only the first of two hosts saw, and that is gone on the next night, is lost: the next
// night has an alarm, and forget keeps the mail. If that night was written without comparing,
// forget finds the loss.
func TestLossesBesideAnotherHostAreFound(t *testing.T) {
	for name, limit := range map[string]loss.Limit{"an alarm": loss.Usual, "no alarm": {Off: true}} {
		t.Run(name, func(t *testing.T) {
			store := &storetest.Memory{}
			r, account, first, second := twoHosts(t, store)
			store.Advance(24 * time.Hour)
			delete(account.Mailboxes, "Projects")
			results, err := backup.Run(t.Context(), r, []backup.Account{
				{Name: "account-0", URL: "imap://test", Source: account, ShrinkLimit: func(*mail.Mailbox) loss.Limit { return limit }},
			}, backup.Options{})
			if err != nil || results[0].Err != nil {
				t.Fatal(err, results[0].Err)
			}
			alarms := results[0].Manifest.Alarm
			forgotten, lost := planned(t, r, history.Policy{Last: 1})
			if len(alarms) > 0 == limit.Off || len(alarms)+len(lost) == 0 || goes(forgotten, first) || goes(forgotten, second) {
				t.Errorf("alarms %v, %d are forgotten, lost %v", alarms, len(forgotten), lost)
			}
		})
	}
}
