package e2e_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/testbed"
)

// startDovecot starts one whose accounts have the password of these tests. Its days begin at an odd hour.
func startDovecot(t testing.TB, o testbed.DovecotOptions) *testbed.DovecotServer {
	t.Helper()
	o.Password = imapPassword
	return testbed.Dovecot(t, o)
}

// files writes mailboxes as the files of a Maildir++, as a server would have them that has served for years: so mail can
// be there that no APPEND takes.
type files struct {
	t    testing.TB
	root string // of the Maildir
	made int
}

// place begins a user's Maildir on a server; when it is filled, it is given to the server by done.
func place(t testing.TB, d *testbed.DovecotServer, user string) *files {
	return &files{t: t, root: filepath.Join(d.Home(user), "Maildir")}
}

// done gives all files to the user that the server's processes run under.
func (f *files) done() { giveToNobody(f.t, filepath.Dir(f.root)) }

func giveToNobody(t testing.TB, path string) {
	t.Helper()
	if out, err := exec.Command("chown", "-R", "nobody:nogroup", path).CombinedOutput(); err != nil {
		t.Fatalf("chown: %v\n%s", err, out)
	}
}

// folder is where a mailbox is.
func (f *files) folder(mailbox string) string {
	if mailbox == "INBOX" {
		return f.root
	}
	return filepath.Join(f.root, "."+strings.ReplaceAll(mailbox, "/", "."))
}

// put adds messages to a mailbox, which it makes where there is none.
func (f *files) put(mailbox string, messages ...message) {
	f.t.Helper()
	dir := f.folder(mailbox)
	for _, sub := range []string{"cur", "new", "tmp"} {
		f.check(os.MkdirAll(filepath.Join(dir, sub), 0o755))
	}
	var names strings.Builder
	for i, keyword := range keywords {
		fmt.Fprintf(&names, "%d %s\n", i, keyword)
	}
	f.check(os.WriteFile(filepath.Join(dir, "dovecot-keywords"), []byte(names.String()), 0o644))
	for _, m := range messages {
		f.made++
		body := m.body
		if f.made%3 == 0 { // as most programs have it
			body = bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n"))
		}
		name := filepath.Join(dir, "cur", fmt.Sprintf("1000000000.%08d.e2e:2,%s", f.made, letters(m.flags)))
		f.check(os.WriteFile(name, body, 0o644))
		f.check(os.Chtimes(name, m.date, m.date))
	}
}

// subscribe writes the list of subscriptions.
func (f *files) subscribe(mailboxes ...string) {
	f.t.Helper()
	text := "V\t2\n\n"
	for _, name := range mailboxes {
		text += strings.ReplaceAll(name, "/", "\t") + "\n"
	}
	f.check(os.WriteFile(filepath.Join(f.root, "subscriptions"), []byte(text), 0o644))
}

func (f *files) check(err error) {
	if err != nil {
		f.t.Helper()
		f.t.Fatal(err)
	}
}

// letters are flags as a Maildir has them in the names of files.
func letters(flags []string) string {
	var b strings.Builder
	for _, known := range []struct{ letter, flag string }{{"D", `\Draft`}, {"F", `\Flagged`}, {"R", `\Answered`}, {"S", `\Seen`}, {"T", `\Deleted`}} {
		for _, flag := range flags {
			if flag == known.flag {
				b.WriteString(known.letter)
			}
		}
	}
	for i, keyword := range keywords {
		for _, flag := range flags {
			if flag == keyword {
				b.WriteByte(byte('a' + i))
			}
		}
	}
	return b.String()
}

// appended are messages as testbed delivers them by APPEND.
func appended(messages []message) (list []testbed.Message) {
	for _, m := range messages {
		list = append(list, testbed.Message{Body: string(m.body), Flags: m.flags, Date: m.date})
	}
	return list
}
