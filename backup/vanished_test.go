package backup_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

const hunted = "Subject: hunted\r\n\r\n"

// runner is an account with a message that leaves a mailbox whenever the mailbox is about to be
// opened, from a survey on.
func runner(from int) *archivetest.Account {
	a := archivetest.NewAccount()
	a.Connections = 1
	for i := range 20 {
		a.Mailbox([]string{"A", "B"}[i%2]).Add(fmt.Sprintf("Subject: %d\r\n\r\n", i))
	}
	at, to := a.Mailbox("A"), a.Mailbox("B")
	uid := at.Add(hunted).UID
	a.OnExamine = func(name string) error {
		if a.Surveys >= from && name == at.Name {
			next := to.Next
			at.MoveTo(to, uid)
			at, to, uid = to, at, next
		}
		return nil
	}
	return a
}

func holds(t *testing.T, lines []string, body string) bool {
	t.Helper()
	return slices.ContainsFunc(lines, func(line string) bool { return strings.HasSuffix(line, fmt.Sprintf("%q", body)) })
}

// A message that is always ahead of the reader is missed, and the manifest says that it may be.
// When the message stops moving, it is found.
func TestMessageAheadOfTheReaderIsCounted(t *testing.T) {
	a := runner(0)
	r := archivetest.NewRepo(t, &storetest.Memory{})
	b := archivetest.Backup(t, r, a)
	if b.Manifest.Consistent || len(b.Manifest.Warnings) != 1 || !strings.Contains(b.Manifest.Warnings[0], "gone before they could be read: 1;") {
		t.Errorf("consistent %t, warnings %q", b.Manifest.Consistent, b.Manifest.Warnings)
	}
	if holds(t, archivetest.ArchivedState(t, r, b.Head), hunted) {
		t.Error("it was found: this test shows nothing")
	}
	a.OnExamine = nil
	b = archivetest.Backup(t, r, a)
	archivetest.MustHold(t, r, b, a.State())
	if !b.Manifest.Consistent || len(b.Manifest.Warnings) > 0 {
		t.Errorf("consistent %t, warnings %q", b.Manifest.Consistent, b.Manifest.Warnings)
	}
}

// What was read in a run is in its manifest, wherever it has gone since, even if its mailbox is
// gone.
func TestMessageThatKeepsMovingIsKept(t *testing.T) {
	a := runner(2)
	whole := a.Mailbox("Z")
	whole.Add("Subject: in a mailbox that is going\r\n\r\n")
	expunged := a.Mailbox("A").Messages[0]
	a.OnSurvey = func(n int) {
		switch n {
		case 2:
			a.Mailbox("A").Expunge(expunged.UID)
		case 12:
			delete(a.Mailboxes, "Z")
		}
	}
	r := archivetest.NewRepo(t, &storetest.Memory{})
	b := archivetest.Backup(t, r, a)
	if b.Manifest.Consistent || len(b.Manifest.Warnings) != 1 || !strings.Contains(b.Manifest.Warnings[0], "read and then vanished: 3,") {
		t.Errorf("consistent %t, warnings %q", b.Manifest.Consistent, b.Manifest.Warnings)
	}
	lines := archivetest.ArchivedState(t, r, b.Head)
	for _, body := range []string{hunted, string(whole.Messages[0].Body), string(expunged.Body)} {
		if !holds(t, lines, body) {
			t.Errorf("%q is not in the manifest", body)
		}
	}
	if len(lines) != 22 {
		t.Errorf("%d messages: none is to be there twice", len(lines))
	}
	a.OnExamine, a.OnSurvey = nil, nil
	b = archivetest.Backup(t, r, a)
	archivetest.MustHold(t, r, b, a.State())
	if !b.Manifest.Consistent {
		t.Error("not consistent, though it rests")
	}
}

// A listing can miss a mailbox that is being renamed.
func TestMailboxMissedByAListingIsFound(t *testing.T) {
	for _, earlier := range []bool{true, false} {
		a := archivetest.LargeAccount(40)
		r := archivetest.NewRepo(t, &storetest.Memory{})
		first := 2 // the survey that misses it: the last one, or, in a later run, the first
		if earlier {
			archivetest.Backup(t, r, a)
			first = a.Surveys + 1
		}
		bodies := a.Bodies
		passed := a.Mailbox("Archive")
		a.OnSurvey = func(n int) {
			switch n {
			case first:
				delete(a.Mailboxes, "Archive")
			case first + 1:
				passed.Name, a.Mailboxes["INBOX/Archive"] = "INBOX/Archive", passed
			}
		}
		b := archivetest.Backup(t, r, a)
		archivetest.MustHold(t, r, b, a.State())
		if !b.Manifest.Consistent || len(b.Manifest.Warnings)+len(b.Manifest.Alarm) > 0 {
			t.Errorf("consistent %t, warnings %q", b.Manifest.Consistent, b.Manifest.Warnings)
		}
		if n := a.Bodies - bodies; earlier && n > 0 || n > 40 {
			t.Errorf("%d messages were downloaded", n)
		}
	}
}

// A mailbox that is listed, has others below it and does not exist is no failure. What was in it is
// reported like that of any mailbox that is gone.
func TestDeletedMailboxThatIsListedIsNonExistent(t *testing.T) {
	a := archivetest.LargeAccount(40)
	a.Mailbox("Archive/Old").Add("Subject: below\r\n\r\n")
	a.Mailbox("Ghost")
	a.Mailbox("Ghost/child")
	a.Deleted = map[string]bool{"Ghost": true}
	r := archivetest.NewRepo(t, &storetest.Memory{})
	b := archivetest.Backup(t, r, a)
	if len(b.Manifest.Failures) > 0 || !b.Manifest.Consistent {
		t.Errorf("failures %v, consistent %t", b.Manifest.Failures, b.Manifest.Consistent)
	}
	a.Deleted["Archive"] = true
	a.Mailbox("Archive").Messages = nil
	b = archivetest.Backup(t, r, a)
	if len(b.Manifest.Failures) > 0 || !b.Manifest.Consistent || len(b.Manifest.Alarm) != 1 || !strings.Contains(b.Manifest.Alarm[0], `"Archive" is gone`) {
		t.Errorf("failures %v, consistent %t, alarms %q", b.Manifest.Failures, b.Manifest.Consistent, b.Manifest.Alarm)
	}
	archivetest.MustHold(t, r, b, a.State())
	a.Deleted = nil // created again
	a.Mailbox("Archive").Validity += 100
	a.Mailbox("Archive").Add("Subject: again\r\n\r\n")
	b = archivetest.Backup(t, r, a)
	archivetest.MustHold(t, r, b, a.State())
	if len(b.Manifest.Failures)+len(b.Manifest.Warnings) > 0 || !b.Manifest.Consistent {
		t.Errorf("failures %v, warnings %q", b.Manifest.Failures, b.Manifest.Warnings)
	}
}

// A mailbox that is listed, has none below it and does not exist is a failure: a server that
// contradicts itself proves nothing. The mailbox keeps its record.
func TestListedMailboxThatDoesNotExistIsAFailure(t *testing.T) {
	a := archivetest.LargeAccount(40)
	r := archivetest.NewRepo(t, &storetest.Memory{})
	a.Mailbox("Ghost")
	a.Deleted = map[string]bool{"Ghost": true}
	before := a.State()
	for _, failures := range []int{1, 2} {
		b := archivetest.Backup(t, r, a)
		archivetest.MustHold(t, r, b, before)
		if len(b.Manifest.Failures) != failures || b.Manifest.Consistent || a.Surveys > 4*failures {
			t.Errorf("failures %v, consistent %t, after %d surveys", b.Manifest.Failures, b.Manifest.Consistent, a.Surveys)
		}
		a.Deleted["Archive"] = true
	}
}

// Failures in a mailbox are reported under its final name.
func TestFailuresFollowARename(t *testing.T) {
	a := archivetest.LargeAccount(40)
	a.OnBody = func(name string, uid mail.UID) error {
		if uid == 3 && name != "INBOX" {
			return archivetest.ErrLeaveOut
		}
		return nil
	}
	a.OnSurvey = func(n int) {
		if n == 2 {
			m := a.Mailbox("Archive")
			delete(a.Mailboxes, "Archive")
			m.Name, a.Mailboxes["Z"] = "Z", m
		}
	}
	a.MailboxIDOf = func(m *archivetest.Mailbox) string { return fmt.Sprintf("F%d", m.Validity) }
	b := archivetest.Backup(t, archivetest.NewRepo(t, &storetest.Memory{}), a)
	if len(b.Manifest.Failures) != 1 || b.Manifest.Failures[0].Mailbox != "Z" {
		t.Errorf("failures %v", b.Manifest.Failures)
	}
}

// If a message differs from the archive, no id is believed any more in that run.
func TestNoIDIsBelievedAfterADifference(t *testing.T) {
	for _, copied := range []bool{false, true} {
		a := letters(byEmailID, "A", "B")
		r := archivetest.NewRepo(t, &storetest.Memory{})
		account := backup.Account{Name: "account-0", URL: "imap://test", Source: a}
		archivetest.Backup(t, r, a)
		from, to := a.Mailbox("A"), a.Mailbox("B")
		from.Messages[5].Body = []byte(strings.ToUpper(letterOf(5)))
		body := slices.Clone(from.Messages[6].Body) // its id, size, date and header stay the same
		copy(body[len(body)-20:], "another end of it")
		from.Messages[6].Body = body
		if copied {
			from.CopyTo(to, 7)
		} else {
			from.MoveTo(to, 7)
		}
		account.VerifySource = 1
		backups, err := backup.Run(t.Context(), r, []backup.Account{account}, backup.Options{})
		if err != nil || backups[0].Err != nil {
			t.Fatal(err, backups[0].Err)
		}
		archivetest.MustHold(t, r, backups[0], a.State())
	}
}
