package backup_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// within archives the account within a budget, and requires that this succeeds.
func within(t *testing.T, r *repo.Repo, a *archivetest.Account, budget backup.Budget) *backup.Result {
	t.Helper()
	backups, err := backup.Run(t.Context(), r, []backup.Account{{Name: "account-0", URL: "imap://test", Source: a, Budget: budget}}, backup.Options{})
	if err != nil || backups[0].Err != nil {
		t.Fatal(err, backups[0].Err)
	}
	return backups[0]
}

// An account larger than several days' budgets is archived bit by bit, each message once, until it
// is complete. On each day a second run, perhaps on another host, downloads nothing.
func TestBudgetIsSpentDayByDay(t *testing.T) {
	synctest.Test(t, spendDayByDay) // the clock starts at midnight
}

func spendDayByDay(t *testing.T) {
	const messages, size, day = 2400, 1000, 500_000
	a := archivetest.NewAccount()
	for i := range messages {
		a.Mailbox([]string{"INBOX", "Archive", "Work"}[i%3]).Add(fmt.Sprintf("Subject: %d\r\n\r\n%s", i, strings.Repeat("x", size-20)))
	}
	store := &storetest.Memory{}
	store.Advance(22 * time.Hour)
	r := archivetest.NewRepo(t, store)
	state := a.State()
	for n := 1; ; n++ {
		before := a.Bodies
		b := within(t, r, a, backup.Budget{Day: day})
		came := a.Bodies - before
		held := archivetest.ArchivedState(t, r, b.Head)
		for _, line := range held {
			if _, found := slices.BinarySearch(state, line); !found {
				t.Fatalf("day %d: it holds what the account does not: %s", n, line)
			}
		}
		if len(held) != a.Bodies {
			t.Fatalf("day %d: %d messages were downloaded in all, and are in the manifest %d", n, a.Bodies, len(held))
		}
		if !b.Postponed {
			if n < messages*size/day/2 || b.Manifest.State != manifest.Complete || !b.Manifest.Consistent {
				t.Errorf("day %d: state %v, consistent %v", n, b.Manifest.State, b.Manifest.Consistent)
			}
			archivetest.MustHold(t, r, b, state)
			return
		}
		if b.Manifest.State != manifest.Checkpoint || came*size > day+10*size || came*size < day*9/10 {
			t.Fatalf("day %d: state %v, %d messages came", n, b.Manifest.State, came)
		}
		before = a.Bodies
		store.Advance(time.Hour)
		if again := within(t, r, a, backup.Budget{Day: day}); !again.Postponed || a.Bodies != before {
			t.Fatalf("day %d, once more: %d messages came", n, a.Bodies-before)
		}
		store.Advance(23 * time.Hour)
	}
}

// A message larger than the budget is archived, alone on its day.
func TestMessageLargerThanTheBudgetIsArchived(t *testing.T) {
	a := archivetest.NewAccount()
	a.Mailbox("INBOX").Add("Subject: large\r\n\r\n" + strings.Repeat("x", 100_000))
	r := archivetest.NewRepo(t, &storetest.Memory{})
	b := within(t, r, a, backup.Budget{Day: 1000})
	archivetest.MustHold(t, r, b, a.State())
	if b.Postponed || b.Manifest.Downloaded < 100_000 {
		t.Errorf("postponed %v, downloaded %d", b.Postponed, b.Manifest.Downloaded)
	}
}

// Flags and removals cost no budget.
func TestSpentBudgetStillSeesWhatChanged(t *testing.T) {
	a := archivetest.NewAccount()
	for i := range 20 {
		a.Mailbox("INBOX").Add(fmt.Sprintf("Subject: %d\r\n\r\n%s", i, strings.Repeat("x", 1000)))
	}
	r := archivetest.NewRepo(t, &storetest.Memory{})
	within(t, r, a, backup.Budget{Day: 1000})
	a.Mailbox("INBOX").SetFlags(1, "seen")
	a.Mailbox("Archive").Add("Subject: new\r\n\r\n")
	b := within(t, r, a, backup.Budget{Day: 1000})
	held := archivetest.ArchivedState(t, r, b.Head)
	if !b.Postponed || len(held) == 0 || !strings.Contains(held[0], "seen") {
		t.Errorf("postponed %v, held %q", b.Postponed, held)
	}
}

func TestUnlimitedBudget(t *testing.T) {
	a := archivetest.LargeAccount(50)
	r := archivetest.NewRepo(t, &storetest.Memory{})
	if b := within(t, r, a, backup.Budget{Day: -1}); b.Postponed {
		t.Error("it was postponed")
	}
}

// Gmail has a default budget below the limit of Google, unless you set another one, or none.
func TestGmailHasADefaultBudget(t *testing.T) {
	gmail := mail.Server{Capabilities: []string{"IMAP4REV1", "X-GM-EXT-1"}}
	for _, c := range []struct {
		server mail.Server
		given  int64
		want   int64
	}{
		{gmail, 0, 2_000_000_000}, {gmail, 7, 7}, {gmail, -1, 0},
		{mail.Server{}, 0, 0}, {mail.Server{}, 7, 7}, {mail.Server{}, -1, 0},
	} {
		if got := (backup.Budget{Day: c.given}).DayOf(c.server); got != c.want {
			t.Errorf("of %v given %d: %d, want %d", c.server.Capabilities, c.given, got, c.want)
		}
	}
}

// Half a megabyte at 100 kB a second takes four seconds after the first.
func TestRateIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := archivetest.NewAccount()
		for i := range 50 {
			a.Mailbox("INBOX").Add(fmt.Sprintf("Subject: %d\r\n\r\n%s", i, strings.Repeat("x", 10_000)))
		}
		r := archivetest.NewRepo(t, &storetest.Memory{})
		began := time.Now()
		archivetest.MustHold(t, r, within(t, r, a, backup.Budget{Second: 100_000}), a.State())
		if took := time.Since(began); took < 3900*time.Millisecond || took > 10*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}
