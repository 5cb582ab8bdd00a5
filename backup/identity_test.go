package backup_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// readAs archives an account under a URL.
func readAs(
	t *testing.T, r *repo.Repo, url string, a *archivetest.Account, o backup.Options, only ...string,
) *backup.Result {
	t.Helper()
	account := backup.Account{Name: "account-0", URL: url, Source: a}
	if len(only) > 0 {
		account.Select = func(m mail.Mailbox) bool { return slices.Contains(only, m.Name) }
	}
	backups, err := backup.Run(t.Context(), r, []backup.Account{account}, o)
	if err != nil || backups[0].Err != nil {
		t.Fatal(err, backups[0].Err)
	}
	return backups[0]
}

// otherBodies returns the account as another server has it: all numbers, sizes, dates and ids are
// the same, and the body of every third message is not.
func otherBodies(a *archivetest.Account) (others int) {
	for _, m := range a.Mailboxes {
		for i, msg := range m.Messages {
			if i%3 == 0 {
				msg.Body = []byte(strings.ReplaceAll(string(msg.Body), "line", "LINE"))
				others++
			}
		}
	}
	return others
}

// Equal numbers, UIDs, sizes and dates on another server prove nothing. Messages that are proven
// equal are not downloaded again, and all others are.
func TestMovedAccount(t *testing.T) {
	t.Parallel()
	for name, named := range map[string]func(string) mail.IDs{"no ids": nil, "EMAILID": byEmailID, "X-GUID": byXGUID} {
		for _, url := range []string{"imap://anna@b.example", "imap://anna@a.example:1143", "imap://bob@a.example"} {
			t.Run(name+" "+url, func(t *testing.T) {
				t.Parallel()
				a := letters(named, "A", "B")
				r := archivetest.NewRepo(t, &storetest.Memory{})
				before := readAs(t, r, "imap://anna@a.example", a, backup.Options{})
				old := a.State()
				others, bodies := otherBodies(a), a.Bodies
				b := readAs(t, r, url, a, backup.Options{})
				archivetest.MustHold(t, r, b, a.State())
				archivetest.MustHold(t, r, before, old)
				if n := a.Bodies - bodies; n > others+10 {
					t.Errorf("%d messages were downloaded, and %d are others", n, others)
				}
				if !b.Manifest.Consistent || !strings.Contains(strings.Join(b.Manifest.Warnings, ""), "was read as") {
					t.Errorf("consistent %v, warnings %q", b.Manifest.Consistent, b.Manifest.Warnings)
				}
				bodies = a.Bodies
				if again := readAs(t, r, url, a, backup.Options{}); a.Bodies != bodies || len(again.Manifest.Warnings) > 0 {
					t.Errorf("the next night downloads %d messages, warnings %q", a.Bodies-bodies, again.Manifest.Warnings)
				}
			})
		}
	}
}

// On another server, a message is matched by its UID if several messages have the same size and
// date.
func TestMovedAccountWithSimilarMessages(t *testing.T) {
	a := archivetest.NewAccount()
	for n := range 40 {
		m := a.Mailbox("INBOX").Add(letterOf(100 + n)[:9_000])
		m.Date = " 2-Mar-2026 10:00:00 +0000"
	}
	r := archivetest.NewRepo(t, &storetest.Memory{})
	readAs(t, r, "imap://anna@a.example", a, backup.Options{})
	others, bodies := otherBodies(a), a.Bodies
	archivetest.MustHold(t, r, readAs(t, r, "imap://anna@b.example", a, backup.Options{}), a.State())
	if n := a.Bodies - bodies; n != others {
		t.Errorf("%d messages were downloaded, and %d are others", n, others)
	}
}

// The standard ports count as one server.
func TestAnotherStandardPortIsTheSameServer(t *testing.T) {
	a := archivetest.SampleAccount()
	r := archivetest.NewRepo(t, &storetest.Memory{})
	readAs(t, r, "imap://anna@a.example", a, backup.Options{})
	bodies := a.Bodies
	if b := readAs(t, r, "imaps://anna@A.example:993", a, backup.Options{}); a.Bodies != bodies || len(b.Manifest.Warnings) > 0 {
		t.Errorf("%d messages were downloaded, warnings %q", a.Bodies-bodies, b.Manifest.Warnings)
	}
}

// Mailboxes that were not read since the account moved stay unproven until they are read: those
// that are not selected, and those that an interrupted run did not reach.
func TestMovedAccountStaysUnprovenUntilRead(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]func(*testing.T, *repo.Repo, *archivetest.Account){
		"not asked for": func(t *testing.T, r *repo.Repo, a *archivetest.Account) {
			readAs(t, r, "imap://b.example", a, backup.Options{}, "A")
		},
		"interrupted": func(t *testing.T, r *repo.Repo, a *archivetest.Account) {
			ctx, interrupt := context.WithCancel(t.Context())
			n := 0
			a.OnBody = func(string, mail.UID) error {
				if n++; n == 15 {
					interrupt()
				}
				return nil
			}
			cut, _ := backup.Run(ctx, r, []backup.Account{{Name: "account-0", URL: "imap://b.example", Source: a}}, backup.Options{})
			if cut[0].Err == nil || !cut[0].Kept {
				t.Fatalf("the run was not interrupted: %v, kept %v", cut[0].Err, cut[0].Kept)
			}
			a.OnBody = nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := letters(nil, "A", "B", "C")
			a.Connections = 1
			r := archivetest.NewRepo(t, &storetest.Memory{})
			readAs(t, r, "imap://a.example", a, backup.Options{})
			otherBodies(a)
			first(t, r, a)
			archivetest.MustHold(t, r, readAs(t, r, "imap://b.example", a, backup.Options{}), a.State())
		})
	}
}

// A server with another name or version was upgraded, or is one of a pool, or is another server: a
// sample decides.
func TestServerWithAnotherName(t *testing.T) {
	t.Parallel()
	for _, other := range []bool{false, true} {
		a := letters(byXGUID, "A", "B")
		a.ID = []mail.Field{{Name: "name", Value: "Post"}, {Name: "remote-host", Value: "10.0.0.1"}}
		r := archivetest.NewRepo(t, &storetest.Memory{})
		archivetest.Backup(t, r, a)
		bodies, examines := a.Bodies, a.Examines
		a.ID[1].Value = "10.0.0.2" // of this connection, not of the server
		if archivetest.Backup(t, r, a); a.Bodies != bodies || a.Examines != examines {
			t.Errorf("another address of the same server: %d messages were downloaded", a.Bodies-bodies)
		}
		a.ID[0].Value = "Office"
		if other {
			for _, m := range a.Mailboxes {
				for _, msg := range m.Messages {
					msg.Body = []byte(strings.ReplaceAll(string(msg.Body), "line", "LINE"))
				}
			}
		}
		b := archivetest.Backup(t, r, a)
		archivetest.MustHold(t, r, b, a.State())
		if n := a.Bodies - bodies; !other && (n == 0 || n > 16) || // two messages of each of four pages, in two mailboxes
			other && n < 240 {
			t.Errorf("other bodies %v: %d messages were downloaded", other, n)
		}
		if warned := len(b.Manifest.Warnings) > 0; warned != other {
			t.Errorf("warnings %q", b.Manifest.Warnings)
		}
	}
}

// If all mailboxes have the UIDVALIDITY 1, two that swapped their names are noticed, and so is one
// that was deleted and created again, even if all numbers, sizes and dates are the same.
func TestMailboxesOfOneUIDVALIDITY(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*archivetest.Account){
		"swapped": func(a *archivetest.Account) {
			x, y := a.Mailboxes["A"], a.Mailboxes["B"]
			x.Name, y.Name = "B", "A"
			a.Mailboxes["A"], a.Mailboxes["B"] = y, x
		},
		"created again": func(a *archivetest.Account) {
			for _, msg := range a.Mailboxes["A"].Messages {
				msg.Body = []byte(strings.ReplaceAll(string(msg.Body), "A", "C"))
			}
		},
	} {
		for i, condstore := range []bool{false, true, false} {
			if condstore && name != "swapped" {
				continue // a mod-sequence would have to go back
			}
			validity := []uint32{1, 1, 1772445600}[i] // from the time: mailboxes created within one second share it
			t.Run(fmt.Sprint(name, condstore, validity), func(t *testing.T) {
				a := archivetest.NewAccount()
				a.Condstore, a.Qresync = condstore, false
				for _, box := range []string{"A", "B"} {
					for n := range 8 {
						a.Mailbox(box).Add(fmt.Sprintf("Subject: %d\r\n\r\nin %s\r\n", n, box))
					}
					a.Mailbox(box).Validity = validity
				}
				r := archivetest.NewRepo(t, &storetest.Memory{})
				before, old := archivetest.Backup(t, r, a), a.State()
				change(a)
				b := archivetest.Backup(t, r, a)
				archivetest.MustHold(t, r, b, a.State())
				archivetest.MustHold(t, r, before, old)
				if !b.Manifest.Consistent {
					t.Error("the manifest is not called consistent")
				}
			})
		}
	}
}

// When flags are read in full, sizes and dates are read too. A message with another one is read
// again. If it cannot be read, its record stays, with a failure.
func TestMessageWithAnotherSizeOrDate(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*archivetest.Message){
		"size": func(m *archivetest.Message) { m.Body = []byte("Subject: another\r\n\r\n") },
		"date": func(m *archivetest.Message) {
			m.Date = " 1-Jan-2001 00:00:00 +0000"
			m.Body = []byte(strings.Replace(string(m.Body), "line", "LINE", 1))
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := letters(nil, "A", "B")
			a.Condstore, a.Qresync = false, false
			a.Mailbox("A").Validity = 7
			r := archivetest.NewRepo(t, &storetest.Memory{})
			archivetest.Backup(t, r, a)
			old := a.State()
			changed := a.Mailbox("A").Messages[5]
			change(changed)
			a.OnBody = func(string, mail.UID) error { return archivetest.ErrLeaveOut }
			b := archivetest.Backup(t, r, a)
			archivetest.MustHold(t, r, b, old)
			if len(b.Manifest.Failures) != 1 || b.Manifest.Failures[0].UID != changed.UID {
				t.Errorf("failures %v", b.Manifest.Failures)
			}
			a.OnBody = nil
			bodies := a.Bodies
			archivetest.MustHold(t, r, archivetest.Backup(t, r, a), a.State())
			if a.Bodies-bodies != 1 {
				t.Errorf("%d messages were downloaded", a.Bodies-bodies)
			}
		})
	}
}

// Other dates alone cause no download: a server that was restored from a copy has dates of its own.
func TestOtherDatesAreProven(t *testing.T) {
	a := letters(nil, "A", "B")
	a.Condstore, a.Qresync = false, false
	a.Mailbox("A").Validity = 7
	r := archivetest.NewRepo(t, &storetest.Memory{})
	mustTake(t, a, r, 240, 0)
	for _, m := range a.Mailbox("A").Messages {
		m.Date = "24-Dec-2025 18:00:00 +0000"
	}
	mustTake(t, a, r, 0, 120)
	mustTake(t, a, r, 0, 0)
}

// If the size of a message costs the connection, the other messages and the mailbox are not given
// up.
func TestSizeThatCostsTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := archivetest.LargeAccount(600)
		a.Condstore, a.Qresync = false, false
		r := archivetest.NewRepo(t, &storetest.Memory{})
		archivetest.Backup(t, r, a)
		a.OnFacts = func(string) error { return fmt.Errorf("%w: connection lost", mail.ErrTemporary) }
		a.Mailbox("INBOX").SetFlags(3, `\Flagged`)
		began := time.Now()
		b := archivetest.Backup(t, r, a)
		archivetest.MustHold(t, r, b, a.State())
		if took := time.Since(began); len(b.Manifest.Failures) > 0 || took > 10*time.Second {
			t.Errorf("failures %v, after %v", b.Manifest.Failures, took)
		}
	})
}
