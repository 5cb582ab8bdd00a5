package backup_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

func oneMailbox(messages int) *archivetest.Account {
	a := archivetest.NewAccount()
	for i := range messages {
		a.Mailbox("INBOX").Add(fmt.Sprintf("Subject: %d\r\n\r\nbody %d\r\n", i, i))
	}
	return a
}

// A message that is too large is a failure, with its reason, at once. The others are archived,
// whether or not the server says which message it is.
func TestTooLarge(t *testing.T) {
	for name, named := range map[string]bool{"named": true, "not named": false} {
		t.Run(name, func(t *testing.T) {
			a := oneMailbox(300)
			var asked atomic.Int64
			a.OnBody = func(_ string, uid mail.UID) error {
				if uid != 7 && uid != 200 {
					return nil
				}
				asked.Add(1)
				if !named {
					uid = 0
				}
				return &mail.TooLargeError{UID: uid, Size: 1 << 40}
			}
			r := archivetest.NewRepo(t, &storetest.Memory{})
			results, err := backup.Run(t.Context(), r, []backup.Account{{Name: "a", URL: "imap://a", Source: a}}, backup.Options{})
			if err != nil || results[0].Err != nil {
				t.Fatal(err, results[0].Err)
			}
			m := results[0].Manifest
			slices.SortFunc(m.Failures, func(a, b manifest.Failure) int { return int(a.UID) - int(b.UID) })
			if len(m.Failures) != 2 || m.Failures[0].UID != 7 || m.Failures[1].UID != 200 ||
				!strings.Contains(m.Failures[0].Reason, "1099511627776 bytes") {
				t.Errorf("the failures are %v", m.Failures)
			}
			if m.Totals.Messages != 298 {
				t.Errorf("%d messages are archived, not 298", m.Totals.Messages)
			}
			if named && asked.Load() != 2 {
				t.Errorf("they are asked for %d times", asked.Load())
			}
		})
	}
}

// A server that announces too large a size for too many messages is at fault: it is given up after
// a bounded number of connections, and what it delivered is archived.
func TestTooLargeTooOften(t *testing.T) {
	a := oneMailbox(2000)
	var asked atomic.Int64
	a.OnBody = func(_ string, uid mail.UID) error {
		if uid < 600 {
			return nil
		}
		asked.Add(1)
		return &mail.TooLargeError{UID: uid, Size: 1 << 40}
	}
	r := archivetest.NewRepo(t, &storetest.Memory{})
	results, err := backup.Run(t.Context(), r, []backup.Account{{Name: "a", URL: "imap://a", Source: a}}, backup.Options{})
	if err != nil || results[0].Err != nil {
		t.Fatal(err, results[0].Err)
	}
	if asked.Load() > 120 {
		t.Errorf("it is asked for %d messages", asked.Load())
	}
	if f := results[0].Manifest.Failures; len(f) == 0 || !strings.Contains(f[0].Reason, "too large") {
		t.Errorf("the failures are %v", f)
	}
}

// An absurd size does not use up a day's budget.
func TestBudgetOfAbsurdSizes(t *testing.T) {
	a := oneMailbox(40)
	for _, box := range a.Mailboxes {
		for i, m := range box.Messages {
			if i%5 == 0 {
				m.Size = 1 << 62
			}
		}
	}
	r := archivetest.NewRepo(t, &storetest.Memory{})
	account := backup.Account{Name: "a", URL: "imap://a", Source: a, Budget: backup.Budget{Day: 1 << 30}}
	results, err := backup.Run(t.Context(), r, []backup.Account{account}, backup.Options{})
	if err != nil || results[0].Err != nil || results[0].Postponed || results[0].Manifest.Totals.Messages != 40 {
		t.Fatalf("it ends with %v, %+v", err, results[0])
	}
}
