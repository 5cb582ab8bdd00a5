package backup_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/internal/percent"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

func verified(t *testing.T, r *repo.Repo, a *archivetest.Account, rate percent.Rate) *backup.Result {
	t.Helper()
	backups, err := backup.Run(t.Context(), r, []backup.Account{{Name: "account-0", URL: "imap://test", Source: a, VerifySource: rate}}, backup.Options{})
	if err != nil || backups[0].Err != nil {
		t.Fatal(err, backups[0].Err)
	}
	return backups[0]
}

// A message whose UID means another one, or whose bytes changed, is noticed although no number
// changes. All of the mailbox is read again, and the earlier manifest keeps what was there before.
func TestReusedUIDsAreNoticed(t *testing.T) {
	a := archivetest.LargeAccount(1000)
	r := archivetest.NewRepo(t, &storetest.Memory{})
	before := archivetest.Backup(t, r, a)
	old := a.State()
	changed := a.Mailbox("INBOX").Messages
	for _, i := range []int{3, 77} {
		changed[i].Body = fmt.Appendf(nil, "Subject: another %d\r\n\r\n", i)
	}

	unasked := archivetest.Backup(t, r, a)
	archivetest.MustHold(t, r, unasked, old)
	b := verified(t, r, a, 1)
	archivetest.MustHold(t, r, b, a.State())
	archivetest.MustHold(t, r, before, old)
	if alarm := b.Manifest.Alarm; len(alarm) != 1 || !strings.Contains(alarm[0], `"INBOX": 2 of 500 compared messages`) || !strings.Contains(alarm[0], "(UID 4, 78)") {
		t.Errorf("alarm %q", alarm)
	}
	if !b.Manifest.Consistent {
		t.Error("what was read again is not consistent")
	}
	again := verified(t, r, a, 1)
	archivetest.MustHold(t, r, again, a.State())
	if len(again.Manifest.Alarm) > 0 {
		t.Errorf("alarm again: %q", again.Manifest.Alarm)
	}
}

// If the run that found a difference is interrupted, the next one reports it: it continues from
// what was read again.
func TestCheckpointCarriesAlarms(t *testing.T) {
	a := archivetest.NewAccount()
	for i := range 2000 {
		a.Mailbox("INBOX").Add(fmt.Sprintf("Subject: %d\r\n\r\n", i))
	}
	r := archivetest.NewRepo(t, &storetest.Memory{})
	archivetest.Backup(t, r, a)
	a.Mailbox("INBOX").Messages[3].Body = []byte("Subject: another\r\n\r\n")
	ctx, interrupt := context.WithCancel(t.Context())
	var bodies atomic.Int64
	a.OnBody = func(string, mail.UID) error {
		if bodies.Add(1) == 2000+1500 {
			interrupt()
		}
		return nil
	}
	cut, _ := backup.Run(ctx, r, []backup.Account{{Name: "account-0", URL: "imap://test", Source: a, VerifySource: 1}}, backup.Options{})
	if cut[0].Err == nil || !cut[0].Kept {
		t.Fatalf("the run was not interrupted: %v, kept %v", cut[0].Err, cut[0].Kept)
	}
	b := archivetest.Backup(t, r, a)
	archivetest.MustHold(t, r, b, a.State())
	if len(b.Manifest.Alarm) != 1 {
		t.Errorf("alarm %q", b.Manifest.Alarm)
	}
	if again := archivetest.Backup(t, r, a); len(again.Manifest.Alarm) > 0 {
		t.Errorf("alarm once more: %q", again.Manifest.Alarm)
	}
}

// Comparing equal messages changes nothing: neither the record nor what is stored.
func TestVerifyingEqualMessages(t *testing.T) {
	store := &storetest.Memory{}
	a := archivetest.LargeAccount(2000)
	r := archivetest.NewRepo(t, store)
	first := archivetest.Backup(t, r, a)
	objects, bodies := store.Names(), a.Bodies
	b := verified(t, r, a, 0.10)
	archivetest.MustHold(t, r, b, a.State())
	if n := a.Bodies - bodies; n < 100 || n > 300 {
		t.Errorf("of 2000 messages, a tenth are %d", n)
	}
	if b.Manifest.Totals.NewMessages != 0 || len(b.Manifest.Alarm)+len(b.Manifest.Warnings) > 0 || !b.Manifest.Consistent {
		t.Errorf("%+v, alarm %q, warnings %q", b.Manifest.Totals, b.Manifest.Alarm, b.Manifest.Warnings)
	}
	if b.Manifest.Totals.Messages != first.Manifest.Totals.Messages {
		t.Errorf("%d messages", b.Manifest.Totals.Messages)
	}
	if added := len(store.Names()) - len(objects); added != 1 {
		t.Errorf("%d objects were added, and a manifest is one", added)
	}

	// Messages that are gone, and one that cannot be read, are no difference.
	inbox := a.Mailbox("INBOX")
	for uid := mail.UID(1); uid < 40; uid++ {
		inbox.Expunge(uid)
	}
	a.OnBody = func(name string, uid mail.UID) error {
		if name == "INBOX" && uid == 50 {
			return archivetest.ErrLeaveOut
		}
		return nil
	}
	b = verified(t, r, a, 1)
	archivetest.MustHold(t, r, b, a.State())
	if warnings := b.Manifest.Warnings; len(b.Manifest.Alarm)+len(b.Manifest.Failures) > 0 || len(warnings) != 1 || !strings.Contains(warnings[0], "1 archived messages could not be read again") {
		t.Errorf("alarm %q, failures %v, warnings %q", b.Manifest.Alarm, b.Manifest.Failures, warnings)
	}
}

// Every message has its turn, with a run each night or each week.
func TestVerifyingCoversEveryMessage(t *testing.T) {
	for _, every := range []int{1, 7} {
		store := &storetest.Memory{}
		a := archivetest.NewAccount()
		for i := range 100 {
			a.Mailbox("INBOX").Add(fmt.Sprintf("Subject: %d\r\n\r\n", i))
		}
		r := archivetest.NewRepo(t, store)
		archivetest.Backup(t, r, a)
		seen := map[mail.UID]int{}
		a.OnBody = func(_ string, uid mail.UID) error {
			seen[uid]++
			return nil
		}
		const rate, runs = 0.20, 25
		for range runs {
			store.Advance(time.Duration(every) * 24 * time.Hour)
			verified(t, r, a, rate)
		}
		most := 0
		for uid := mail.UID(1); uid <= 100; uid++ {
			if most = max(most, seen[uid]); seen[uid] == 0 {
				t.Errorf("every %d days, UID %d never had its turn", every, uid)
			}
		}
		if most > 10 {
			t.Errorf("every %d days, one message was compared %d times in %v runs", every, most, runs)
		}
	}
}
