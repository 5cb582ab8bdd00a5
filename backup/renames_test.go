package backup_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// rename renames a mailbox.
func rename(a *archivetest.Account, from, to string) {
	m := a.Mailbox(from)
	delete(a.Mailboxes, from)
	m.Name, a.Mailboxes[to] = to, m
}

// create creates an empty mailbox with a UIDVALIDITY of its own.
func create(a *archivetest.Account, name string) *archivetest.Mailbox {
	m := a.Mailbox(name)
	m.Validity = 1000 + uint32(a.Surveys)
	return m
}

func expunge(m *archivetest.Mailbox, n int) {
	for _, msg := range slices.Clone(m.Messages[:n]) {
		m.Expunge(msg.UID)
	}
}

// A renamed mailbox is recognized, even with changes on the same day: nothing is downloaded again,
// and nothing raises an alarm. Each case says how many messages are new.
func TestRenames(t *testing.T) {
	for name, test := range map[string]struct {
		change func(a *archivetest.Account)
		new    int
	}{
		"renamed":               {func(a *archivetest.Account) { rename(a, "A", "Z") }, 0},
		"renamed, one came":     {func(a *archivetest.Account) { rename(a, "A", "Z"); a.Mailbox("Z").Add(letterOf(9000)) }, 1},
		"renamed, ten expunged": {func(a *archivetest.Account) { rename(a, "A", "Z"); expunge(a.Mailbox("Z"), 10) }, 0},
		"renamed, flags changed": {func(a *archivetest.Account) {
			rename(a, "A", "Z")
			a.Mailbox("Z").SetFlags(7, `\Seen`, "work")
		}, 0},
		"renamed twice over": {func(a *archivetest.Account) { rename(a, "A", "Z"); rename(a, "B", "A"); rename(a, "Z", "B") }, 0},
		"a parent": {func(a *archivetest.Account) {
			rename(a, "P", "Q")
			rename(a, "P/child", "Q/child")
			a.Mailbox("Q/child").Add(letterOf(9000))
		}, 1},
		"renamed and made again": {func(a *archivetest.Account) { rename(a, "A", "Z"); create(a, "A") }, 0},
		"renamed and made again, with mail": {func(a *archivetest.Account) {
			rename(a, "A", "Z")
			create(a, "A").Add(letterOf(9000))
			a.Mailbox("Z").Add(letterOf(9001))
		}, 2},
		"rotated": {func(a *archivetest.Account) {
			rename(a, "B", "C")
			rename(a, "A", "B")
			create(a, "A").Add(letterOf(9000))
		}, 1},
		"most of it expunged": {func(a *archivetest.Account) {
			rename(a, "A", "Z")
			for _, msg := range slices.Clone(a.Mailbox("Z").Messages[20:60]) {
				a.Mailbox("Z").Expunge(msg.UID)
			}
			rename(a, "B", "Y")
		}, 0},
	} {
		for _, ids := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, ids %t", name, ids), func(t *testing.T) {
				a := letters(nil, "INBOX", "A", "B", "P", "P/child")
				if ids {
					a.MailboxIDOf = func(m *archivetest.Mailbox) string { return fmt.Sprintf("F%d", m.Validity) }
				}
				r := archivetest.NewRepo(t, &storetest.Memory{})
				archivetest.Backup(t, r, a)
				bodies := a.Bodies
				test.change(a)
				b := archivetest.Backup(t, r, a)
				archivetest.MustHold(t, r, b, a.State())
				if a.Bodies-bodies != test.new || !b.Manifest.Consistent {
					t.Errorf("%d messages were downloaded, want %d; consistent %t", a.Bodies-bodies, test.new, b.Manifest.Consistent)
				}
				if len(b.Manifest.Alarm)+len(b.Manifest.Warnings) > 0 {
					t.Errorf("alarms %q, warnings %q", b.Manifest.Alarm, b.Manifest.Warnings)
				}
			})
		}
	}
}

// A mailbox that only looks like the renamed one is read again.
func TestMailboxThatOnlyLooksRenamed(t *testing.T) {
	for name, change := range map[string]func(a *archivetest.Account){
		"one message is another": func(a *archivetest.Account) {
			rename(a, "A", "Z")
			a.Mailbox("Z").Messages[5].Date = " 1-Jan-2001 00:00:00 +0000"
			a.Mailbox("Z").Add(letterOf(9000))
		},
		"all have one UIDVALIDITY, and one is gone": func(a *archivetest.Account) {
			rename(a, "A", "Z")
			a.Mailbox("Z").Expunge(3)
		},
	} {
		a := letters(nil, "A", "B")
		a.Mailbox("B").Validity = a.Mailbox("A").Validity
		r := archivetest.NewRepo(t, &storetest.Memory{})
		archivetest.Backup(t, r, a)
		bodies := a.Bodies
		change(a)
		b := archivetest.Backup(t, r, a)
		archivetest.MustHold(t, r, b, a.State())
		const spots = 8 // are compared, two of each of four pages, because the mailboxes share a UIDVALIDITY
		if got := a.Bodies - bodies - len(a.Mailbox("Z").Messages); got < 0 || got > spots {
			t.Errorf("%s: %d messages were downloaded more than the mailbox has", name, got)
		}
		if len(b.Manifest.Alarm) > 0 {
			t.Errorf("%s: alarms %q", name, b.Manifest.Alarm)
		}
	}
}

// Messages that move within the account are not lost. Messages that are nowhere are lost, and new
// mail does not hide it.
func TestMoves(t *testing.T) {
	for name, test := range map[string]struct {
		change func(a *archivetest.Account)
		alarms []string // words in each of them
	}{
		"moved, and deleted": {change: func(a *archivetest.Account) { moveAll(a, "A", "B"); delete(a.Mailboxes, "A") }},
		"sixty filed": {change: func(a *archivetest.Account) {
			for _, msg := range slices.Clone(a.Mailbox("A").Messages[:60]) {
				a.Mailbox("A").MoveTo(a.Mailbox("B"), msg.UID)
			}
		}},
		"emptied into another": {change: func(a *archivetest.Account) { moveAll(a, "A", "B") }},
		"renumbered":           {change: func(a *archivetest.Account) { a.Mailbox("A").Reset() }},
		"as many came": {change: func(a *archivetest.Account) {
			expunge(a.Mailbox("A"), 60)
			for n := range 60 {
				a.Mailbox("A").Add(letterOf(8000 + n))
			}
		}, alarms: []string{`"A": 120 messages before, 120 that night; nowhere in the account: 60`}},
		"renamed, and half gone": {change: func(a *archivetest.Account) {
			rename(a, "A", "Z")
			expunge(a.Mailbox("Z"), 60)
		}, alarms: []string{`"A": 120 messages before, 60 that night; nowhere in the account: 60`}},
		"a small one emptied": {change: func(a *archivetest.Account) { expunge(a.Mailbox("Few"), 3) }, alarms: []string{`"Few" is empty: 3 messages before`}},
		"Trash emptied":       {change: func(a *archivetest.Account) { expunge(a.Mailbox("Trash"), 3) }},
	} {
		t.Run(name, func(t *testing.T) {
			a := letters(nil, "INBOX", "A", "B", "C")
			for n := range 3 {
				a.Mailbox("Few").Add(letterOf(7000 + n))
				a.Mailbox("Trash").Add(letterOf(7500 + n))
			}
			r := archivetest.NewRepo(t, &storetest.Memory{})
			archivetest.Backup(t, r, a)
			test.change(a)
			b := archivetest.Backup(t, r, a)
			archivetest.MustHold(t, r, b, a.State())
			if !slices.EqualFunc(b.Manifest.Alarm, test.alarms, strings.Contains) {
				t.Errorf("alarms %q, want %q", b.Manifest.Alarm, test.alarms)
			}
		})
	}
}

func moveAll(a *archivetest.Account, from, to string) {
	for _, msg := range slices.Clone(a.Mailbox(from).Messages) {
		a.Mailbox(from).MoveTo(a.Mailbox(to), msg.UID)
	}
}

// If a small account is emptied, it raises an alarm, and so does each of its mailboxes.
func TestEmptiedSmallAccount(t *testing.T) {
	a := archivetest.NewAccount()
	for n := range 49 {
		a.Mailbox([]string{"INBOX", "A", "B", "C", "D"}[n%5]).Add(letterOf(n))
	}
	r := archivetest.NewRepo(t, &storetest.Memory{})
	archivetest.Backup(t, r, a)
	for _, m := range a.Mailboxes {
		expunge(m, len(m.Messages))
	}
	b := archivetest.Backup(t, r, a)
	if alarms := b.Manifest.Alarm; len(alarms) != 6 || !strings.Contains(alarms[5], "the account is empty: 49 messages before") {
		t.Errorf("alarms %q", alarms)
	}
}

// respelled is an account on a server that now sends names in another form.
type respelled struct {
	*archivetest.Account
	raw map[string]string // by name
}

func (s respelled) Survey(ctx context.Context) (*mail.Survey, error) {
	survey, err := s.Account.Survey(ctx)
	if err != nil {
		return nil, err
	}
	for i := range survey.Mailboxes {
		if raw, ok := s.raw[survey.Mailboxes[i].Name]; ok {
			survey.Mailboxes[i].Raw = raw
		}
	}
	slices.SortFunc(survey.Mailboxes, func(a, b mail.Mailbox) int { return strings.Compare(a.Raw, b.Raw) })
	return survey, nil
}

func (s respelled) Examine(ctx context.Context, listed mail.Mailbox, first source.First) (source.View, error) {
	listed.Raw = listed.Name
	return s.Account.Examine(ctx, listed, first)
}

// A server that now supports UTF8=ACCEPT sends other bytes for the same names.
func TestNamesAreComparedDecoded(t *testing.T) {
	a := letters(nil, "INBOX", "Entwürfe", "R&D")
	r := archivetest.NewRepo(t, &storetest.Memory{})
	old := respelled{a, map[string]string{"Entwürfe": "Entw&APw-rfe", "R&D": "R&-D"}}
	for night, source := range []source.Source{old, a, old} {
		bodies, examines := a.Bodies, a.Examines
		results, err := backup.Run(t.Context(), r, []backup.Account{{Name: "a", URL: "imap://test", Source: source}}, backup.Options{})
		if err != nil || results[0].Err != nil {
			t.Fatal(err, results[0].Err)
		}
		m := results[0].Manifest
		if len(m.Alarm)+len(m.Warnings) > 0 || !m.Consistent || night > 0 && (a.Bodies != bodies || a.Examines != examines) {
			t.Errorf("night %d: alarms %q, warnings %q, %d messages downloaded, %d mailboxes opened",
				night, m.Alarm, m.Warnings, a.Bodies-bodies, a.Examines-examines)
		}
	}
}

// A MAILBOXID that RFC 8474 does not allow is ignored, both when it is listed and when it is
// recorded.
func TestGarbageInsteadOfMailboxIDs(t *testing.T) {
	a := letters(nil, "INBOX", "A", "B")
	a.MailboxIDOf = func(m *archivetest.Mailbox) string { return fmt.Sprintf("\x01%s\xff %d", m.Name, a.Surveys) }
	r := archivetest.NewRepo(t, &storetest.Memory{})
	archivetest.Backup(t, r, a)
	a.MailboxIDOf = nil
	bodies := a.Bodies
	rename(a, "A", "Z")
	a.Mailbox("Z").Add(letterOf(9000))
	b := archivetest.Backup(t, r, a)
	archivetest.MustHold(t, r, b, a.State())
	if a.Bodies-bodies != 1 || len(b.Manifest.Alarm)+len(b.Manifest.Warnings) > 0 {
		t.Errorf("%d messages were downloaded; alarms %q, warnings %q", a.Bodies-bodies, b.Manifest.Alarm, b.Manifest.Warnings)
	}
}
