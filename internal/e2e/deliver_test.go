package e2e_test

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/mailstrata/mailstrata/internal/generate"
	"github.com/mailstrata/mailstrata/internal/testbed"
)

// startDovecot starts a Dovecot whose accounts have the password of these tests, and whose days
// begin at an odd hour.
func startDovecot(t testing.TB, o testbed.DovecotOptions) *testbed.DovecotServer {
	t.Helper()
	o.Password = imapPassword
	return testbed.Dovecot(t, o)
}

// files writes a user's mailboxes as files.
type files struct {
	t testing.TB
	generate.Maildir
}

// place begins a user's Maildir on a server. After it is filled, done gives it to the server.
func place(t testing.TB, d *testbed.DovecotServer, user string) *files {
	return &files{t, generate.Maildir{Root: filepath.Join(d.Home(user), "Maildir")}}
}

// done gives all files to the user of the server's processes.
func (f *files) done() { giveToNobody(f.t, filepath.Dir(f.Root)) }

func giveToNobody(t testing.TB, path string) {
	t.Helper()
	if out, err := exec.Command("chown", "-R", "nobody:nogroup", path).CombinedOutput(); err != nil {
		t.Fatalf("chown: %v\n%s", err, out)
	}
}

// put adds messages to a mailbox, and makes the mailbox if it does not exist.
func (f *files) put(mailbox string, messages ...generate.Message) {
	f.t.Helper()
	f.check(f.Put(mailbox, messages...))
}

// subscribe writes the list of subscriptions.
func (f *files) subscribe(mailboxes ...string) {
	f.t.Helper()
	f.check(f.Subscribe(mailboxes...))
}

func (f *files) check(err error) {
	if err != nil {
		f.t.Helper()
		f.t.Fatal(err)
	}
}

// appended returns messages as testbed delivers them by APPEND.
func appended(messages []generate.Message) (list []testbed.Message) {
	for _, m := range messages {
		list = append(list, testbed.Message{Body: string(m.Body), Flags: m.Flags, Date: m.Date})
	}
	return list
}
