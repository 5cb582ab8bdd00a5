package check_test

import (
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/archive/check"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/objectlock"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// A lock that ends too early counts as a problem, but harms no message.
func TestCheckReportsLocksThatEndTooEarly(t *testing.T) {
	lock := &objectlock.Lock{Days: 10, ByDefault: true}
	store := storetest.NewLocked(lock.Term())
	r, err := repo.Init(t.Context(), store, repo.InitOptions{NoSeal: true, Lock: lock, Options: repo.Options{CacheDir: t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	a := archivetest.NewAccount()
	a.Mailbox("INBOX").Add("Subject: one\r\n\r\nmail\r\n")
	archivetest.Backup(t, r, a)
	for days, want := range map[int]int64{0: 0, 5: 0, 7: 1} {
		then := store.Clone()
		then.Advance(time.Duration(days) * 24 * time.Hour)
		var problems []check.Problem
		report, err := check.Run(t.Context(), check.Options{Repo: archivetest.Reopen(t, then), Data: repo.AllPacks}, func(p check.Problem) { problems = append(problems, p) })
		if err != nil || report.Problems != want || report.Unlocked != want || report.Messages != 1 {
			t.Errorf("after %d days: %+v, %v, %v", days, report, problems, err)
		}
	}
}
