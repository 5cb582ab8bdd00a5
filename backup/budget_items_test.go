package backup_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// newestComplete returns the newest complete manifest, or nil, and how many there are.
func newestComplete(t *testing.T, r *repo.Repo) (newest *backup.Result, n int) {
	t.Helper()
	run, err := r.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for head, err := range run.Heads(t.Context(), "account-0") {
		if err != nil {
			t.Fatal(err)
		}
		m, err := archive.ReadManifest(t.Context(), r, head)
		if err != nil {
			t.Fatal(err)
		}
		if m.State != manifest.Complete {
			continue
		}
		if n++; newest == nil {
			newest = &backup.Result{Head: head, Manifest: m}
		}
	}
	return newest, n
}

// TestItemsDoNotWaitForTheBudget archives an account over several days of budget, and again after
// much mail came. The calendars of each day are in a complete manifest of that day. A day on which
// they did not change has none. No message is downloaded twice, and nothing raises an alarm.
func TestItemsDoNotWaitForTheBudget(t *testing.T) {
	a, s := accountWithCalendar(20)
	a.Connections = 1
	store := &storetest.Memory{}
	r := archivetest.NewRepo(t, store)
	budget := func() *backup.Result {
		backups, err := backup.Run(t.Context(), r, []backup.Account{{
			Name: "account-0", URL: "imap://test", Source: a, Items: a.Items, Budget: backup.Budget{Day: 10_000},
		}}, backup.Options{})
		if err != nil || backups[0].Err != nil {
			t.Fatal(err, backups[0].Err)
		}
		return backups[0]
	}
	messages, complete := 1, 0
	for round := range 2 {
		for i := range 40 {
			a.Mailbox("Archive").Add(fmt.Sprintf("Subject: %d %d\r\n\r\n%s", round, i, strings.Repeat("x", 1000)))
			messages++
		}
		then := a.State()
		for day := 0; ; day++ {
			if day%2 == 0 {
				s.Collection("/home/").Put("day.ics", fmt.Sprint("BEGIN:VEVENT ", round, day))
			}
			b := budget()
			newest, n := newestComplete(t, r)
			if newest == nil {
				t.Fatal("there is no complete manifest")
			}
			mustHoldItems(t, r, newest, s.State())
			if !b.Postponed {
				archivetest.MustHold(t, r, b, then)
				if day < 3 || !b.Manifest.Consistent {
					t.Errorf("round %d is complete on day %d, consistent %t", round, day, b.Manifest.Consistent)
				}
				complete = n
				break
			}
			if b.Manifest.State != manifest.Checkpoint || !newest.Manifest.MailInherited() || len(newest.Manifest.Failures) == 0 {
				t.Errorf("day %d: state %v, sources %v, failures %v", day, b.Manifest.State, newest.Manifest.Sources, newest.Manifest.Failures)
			}
			if want := complete + day/2 + 1; n != want {
				t.Errorf("round %d, day %d: %d complete manifests, want %d", round, day, n, want)
			}
			mustHoldItems(t, r, b, s.State())
			if len(b.Manifest.Alarm)+len(newest.Manifest.Alarm) > 0 {
				t.Errorf("day %d: alarms %q, %q", day, b.Manifest.Alarm, newest.Manifest.Alarm)
			}
			if again := budget(); !again.Postponed {
				t.Error("a second run of the day is not postponed")
			}
			if _, again := newestComplete(t, r); again != n {
				t.Errorf("a second run of the day wrote %d complete manifests", again-n)
			}
			store.Advance(24 * time.Hour)
		}
		store.Advance(24 * time.Hour)
	}
	if a.Bodies != messages {
		t.Errorf("%d messages were downloaded %d times", messages, a.Bodies)
	}
	archivetest.MustBeSound(t, r)
}
