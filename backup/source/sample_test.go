package source_test

import (
	"errors"
	"testing"

	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
)

// A sample is from INBOX, or else from a mailbox that has mail. It fails where a backup would.
func TestSample(t *testing.T) {
	broken := errors.New("the index is broken")
	for name, c := range map[string]struct {
		prepare func(a *archivetest.Account)
		mailbox string
		read    bool
		fails   bool
	}{
		"no mailbox": {func(*archivetest.Account) {}, "", false, false},
		"INBOX": {func(a *archivetest.Account) {
			a.Mailbox("Archive").Add("old")
			a.Mailbox("INBOX").Add("new")
		}, "INBOX", true, false},
		"an empty INBOX": {func(a *archivetest.Account) {
			a.Mailbox("INBOX")
			a.Mailbox("Work").Add("new")
		}, "Work", true, false},
		"nothing": {func(a *archivetest.Account) {
			a.Mailbox("A")
			a.Mailbox("INBOX")
		}, "INBOX", false, false},
		"does not open": {func(a *archivetest.Account) {
			a.Mailbox("INBOX")
			a.OnExamine = func(string) error { return broken }
		}, "INBOX", false, true},
		"no message can be read": {func(a *archivetest.Account) {
			a.Mailbox("INBOX").Add("one")
			a.OnRanges = func() error { return mail.ErrRefused }
		}, "INBOX", false, true},
		"one cannot": {func(a *archivetest.Account) {
			a.Mailbox("INBOX").Add("one")
			a.Mailbox("INBOX").Add("two")
			a.OnRanges = func() error {
				if a.Ranges > 1 {
					return mail.ErrRefused
				}
				return nil
			}
		}, "INBOX", true, false},
		"only an old one is left": {func(a *archivetest.Account) {
			a.Mailbox("INBOX").Add("one")
			a.Mailbox("INBOX").Next = 1 << 20
		}, "INBOX", true, false},
		"without numbers": {func(a *archivetest.Account) {
			a.Mailbox("INBOX").Add("one")
			a.NoStatus = true
		}, "", false, false},
	} {
		a := archivetest.NewAccount()
		c.prepare(a)
		survey, err := a.Survey(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		mailbox, read, err := source.Sample(t.Context(), a, survey)
		got := ""
		if mailbox != nil {
			got = mailbox.Name
		}
		if got != c.mailbox || read != c.read || (err != nil) != c.fails || a.Examines > 1 {
			t.Errorf("%s: %q, read %t, %v, %d mailboxes opened", name, got, read, err, a.Examines)
		}
	}
}
