package archive_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/repo/storetest"
)

const hunted = "Subject: hunted\r\n\r\n"

// runner is an account with a message that leaves a mailbox whenever that is about to be opened, from a survey on.
func runner(from int) *account {
	a := newAccount()
	a.parallel = 1
	for i := range 20 {
		a.mailbox([]string{"A", "B"}[i%2]).add(fmt.Sprintf("Subject: %d\r\n\r\n", i))
	}
	at, to := a.mailbox("A"), a.mailbox("B")
	uid := at.add(hunted).uid
	a.onExamine = func(name string) error {
		if a.surveys >= from && name == at.name {
			next := to.next
			at.moveTo(to, uid)
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

// A message that is always ahead of the reader is missed, and the manifest says that it may be. As soon as it rests, it
// is found.
func TestMessageAheadOfTheReaderIsCounted(t *testing.T) {
	a := runner(0)
	r := newRepo(t, &storetest.Memory{})
	b := backUp(t, r, a)
	if b.Manifest.Consistent || len(b.Manifest.Warnings) != 1 || !strings.Contains(b.Manifest.Warnings[0], "gone before they could be read: 1;") {
		t.Errorf("consistent %t, warnings %q", b.Manifest.Consistent, b.Manifest.Warnings)
	}
	if holds(t, archived(t, r, b.Head), hunted) {
		t.Error("it was found: this test shows nothing")
	}
	a.onExamine = nil
	b = backUp(t, r, a)
	mustHold(t, r, b, a.state())
	if !b.Manifest.Consistent || len(b.Manifest.Warnings) > 0 {
		t.Errorf("consistent %t, warnings %q", b.Manifest.Consistent, b.Manifest.Warnings)
	}
}

// What was read once in a run is in its manifest, wherever it has gone since; also when its mailbox is gone.
func TestMessageReadAndMovedForEverIsKept(t *testing.T) {
	a := runner(2)
	whole := a.mailbox("Z")
	whole.add("Subject: in a mailbox that is going\r\n\r\n")
	expunged := a.mailbox("A").messages[0]
	a.onSurvey = func(n int) {
		switch n {
		case 2:
			a.mailbox("A").expunge(expunged.uid)
		case 12:
			delete(a.mailboxes, "Z")
		}
	}
	r := newRepo(t, &storetest.Memory{})
	b := backUp(t, r, a)
	if b.Manifest.Consistent || len(b.Manifest.Warnings) != 1 || !strings.Contains(b.Manifest.Warnings[0], "not seen elsewhere since: 3,") {
		t.Errorf("consistent %t, warnings %q", b.Manifest.Consistent, b.Manifest.Warnings)
	}
	lines := archived(t, r, b.Head)
	for _, body := range []string{hunted, string(whole.messages[0].body), string(expunged.body)} {
		if !holds(t, lines, body) {
			t.Errorf("%q is not in the manifest", body)
		}
	}
	if len(lines) != 22 {
		t.Errorf("%d messages: none is to be there twice", len(lines))
	}
	a.onExamine, a.onSurvey = nil, nil
	b = backUp(t, r, a)
	mustHold(t, r, b, a.state())
	if !b.Manifest.Consistent {
		t.Error("not consistent, though it rests")
	}
}

// A listing can pass by a mailbox that is being renamed.
func TestMailboxThatAListingPassesByIsLookedForAgain(t *testing.T) {
	for _, earlier := range []bool{true, false} {
		a := large(40)
		r := newRepo(t, &storetest.Memory{})
		first := 2 // the survey that passes by: the closing one, or, of a later run, the first
		if earlier {
			backUp(t, r, a)
			first = a.surveys + 1
		}
		bodies := a.bodies
		passed := a.mailbox("Archive")
		a.onSurvey = func(n int) {
			switch n {
			case first:
				delete(a.mailboxes, "Archive")
			case first + 1:
				passed.name, a.mailboxes["INBOX/Archive"] = "INBOX/Archive", passed
			}
		}
		b := backUp(t, r, a)
		mustHold(t, r, b, a.state())
		if !b.Manifest.Consistent || len(b.Manifest.Warnings)+len(b.Manifest.Alarm) > 0 {
			t.Errorf("consistent %t, warnings %q", b.Manifest.Consistent, b.Manifest.Warnings)
		}
		if n := a.bodies - bodies; earlier && n > 0 || n > 40 {
			t.Errorf("%d messages were downloaded", n)
		}
	}
}

// A mailbox that is listed and is not there is no failure; what was in it is told of as that of any that is gone.
func TestDeletedMailboxThatIsListedIsAContainer(t *testing.T) {
	a := large(40)
	a.mailbox("Archive/Old").add("Subject: below\r\n\r\n")
	a.mailbox("Ghost")
	a.deleted = map[string]bool{"Ghost": true}
	r := newRepo(t, &storetest.Memory{})
	b := backUp(t, r, a)
	if len(b.Manifest.Failures) > 0 || !b.Manifest.Consistent {
		t.Errorf("failures %v, consistent %t", b.Manifest.Failures, b.Manifest.Consistent)
	}
	a.deleted["Archive"] = true
	a.mailbox("Archive").messages = nil
	b = backUp(t, r, a)
	if len(b.Manifest.Failures) > 0 || !b.Manifest.Consistent || len(b.Manifest.Warnings) != 1 || !strings.Contains(b.Manifest.Warnings[0], `"Archive" is gone`) {
		t.Errorf("failures %v, consistent %t, warnings %q", b.Manifest.Failures, b.Manifest.Consistent, b.Manifest.Warnings)
	}
	mustHold(t, r, b, a.state())
	a.deleted = nil // made again
	a.mailbox("Archive").validity += 100
	a.mailbox("Archive").add("Subject: again\r\n\r\n")
	b = backUp(t, r, a)
	mustHold(t, r, b, a.state())
	if len(b.Manifest.Failures)+len(b.Manifest.Warnings) > 0 || !b.Manifest.Consistent {
		t.Errorf("failures %v, warnings %q", b.Manifest.Failures, b.Manifest.Warnings)
	}
}

// What failed in a mailbox is told of under the name that it has at the end.
func TestFailuresAreTakenAlong(t *testing.T) {
	a := large(40)
	a.onBody = func(name string, uid mail.UID) error {
		if uid == 3 && name != "INBOX" {
			return errLeaveOut
		}
		return nil
	}
	a.onSurvey = func(n int) {
		if n == 2 {
			m := a.mailbox("Archive")
			delete(a.mailboxes, "Archive")
			m.name, a.mailboxes["Z"] = "Z", m
		}
	}
	a.idOf = func(m *mailbox) string { return fmt.Sprintf("F%d", m.validity) }
	b := backUp(t, newRepo(t, &storetest.Memory{}), a)
	if len(b.Manifest.Failures) != 1 || b.Manifest.Failures[0].Mailbox != "Z" {
		t.Errorf("failures %v", b.Manifest.Failures)
	}
}

// Where a message is found to be other than was archived, no id is believed any more in that run.
func TestNoIDIsBelievedBesideADifference(t *testing.T) {
	for _, copied := range []bool{false, true} {
		a := letters(byEmailID, "A", "B")
		r := newRepo(t, &storetest.Memory{})
		account := archive.Account{Name: "account-0", URL: "imap://test", Source: a}
		backUp(t, r, a)
		from, to := a.mailbox("A"), a.mailbox("B")
		from.messages[5].body = []byte(strings.ToUpper(letterOf(5)))
		body := slices.Clone(from.messages[6].body) // its id, size, date and header are as they were
		copy(body[len(body)-20:], "another end of it")
		from.messages[6].body = body
		if copied {
			from.copyTo(to, 7)
		} else {
			from.moveTo(to, 7)
		}
		account.VerifySource = 1
		backups, err := archive.BackUp(t.Context(), r, []archive.Account{account}, archive.BackupOptions{})
		if err != nil || backups[0].Err != nil {
			t.Fatal(err, backups[0].Err)
		}
		mustHold(t, r, backups[0], a.state())
	}
}
