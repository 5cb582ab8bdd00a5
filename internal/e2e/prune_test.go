package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/testbed"
)

// pruned is what restore reports about a pruning.
type pruned struct {
	Surplus, Reflagged int
	Mailboxes          []string
	Done               bool
	Removed, Left      int
	FlagsSet           int `json:"flags_set"`
	MailboxesRemoved   int `json:"mailboxes_removed"`
}

func (h *host) prune(status int, manifest, target string, flags ...string) pruned {
	h.t.Helper()
	var reported struct{ Prune pruned }
	h.must(status, append([]string{"restore", "--json", manifest, "--to", target, "--with-deleted", "--prune"}, flags...)...).json(&reported)
	return reported.Prune
}

func plain(from, to int, flags ...string) (list []testbed.Message) {
	for i := from; i < to; i++ {
		list = append(list, testbed.Message{
			Body: fmt.Sprintf("Subject: message %d\r\n\r\nhello %d\r\n", i, i), Flags: flags, Date: time.Unix(int64(1e9+60*i), 0),
		})
	}
	return list
}

// toPrune is an archived account, and a Dovecot.
func toPrune(t *testing.T) (*host, *testbed.DovecotServer) {
	t.Helper()
	dovecot := startDovecot(t, testbed.DovecotOptions{})
	dovecot.Deliver("anna", "INBOX", plain(0, 20, `\Seen`)...)
	dovecot.Deliver("anna", "INBOX", plain(0, 2)...) // copies
	dovecot.Deliver("anna", "Work", plain(20, 30, `\Flagged`, "todo")...)
	dovecot.Deliver("anna", "Work/2026", plain(30, 35)...)
	h := newHost(t)
	h.onDirectory()
	h.backUp(0, accountURL("anna", dovecot.Addr))
	return h, dovecot
}

// strange fills an account with a part of what is archived, and with other mail.
func strange(dovecot *testbed.DovecotServer, user string) {
	dovecot.Deliver(user, "INBOX", plain(0, 5, `\Answered`)...) // other flags
	dovecot.Deliver(user, "INBOX", plain(7, 9, `\Seen`)...)
	dovecot.Deliver(user, "INBOX", plain(7, 8, `\Seen`)...) // a copy too many
	dovecot.Deliver(user, "INBOX", plain(100, 103, `\Deleted`)...)
	dovecot.Deliver(user, "Old/Deep", plain(110, 115)...)
	dovecot.Deliver(user, "Old", plain(0, 3)...)
}

func sameMail(t *testing.T, have, want account) {
	t.Helper()
	for name, b := range want {
		if have[name] == nil {
			t.Errorf("mailbox %s is not there", name)
			continue
		}
		once(t, name, have[name].letters, b.letters)
	}
	for name, b := range have {
		if want[name] == nil && (b.selectable || len(b.letters) > 0) {
			t.Errorf("mailbox %s is too much", name)
		}
	}
}

// After a pruning restore the account is the manifest; a second one finds nothing to do. A dry run
// does nothing.
func TestPruneIMAP(t *testing.T) {
	t.Parallel()
	h, dovecot := toPrune(t)
	strange(dovecot, "bert")
	target := accountURL("bert", dovecot.Addr)
	before := readAccount(t, dovecot.Addr, "bert", imapPassword)
	plan := h.prune(0, "latest", target, "--dry-run")
	if plan.Surplus != 1+3+5+3 || plan.Reflagged != 5 || len(plan.Mailboxes) != 2 || plan.Done {
		t.Errorf("the plan is %+v", plan)
	}
	sameMail(t, readAccount(t, dovecot.Addr, "bert", imapPassword), before)
	if e := h.must(1, "restore", "latest", "--to", target, "--prune", "--with-deleted"); !strings.Contains(e.stderr, "no terminal") {
		t.Errorf("without a terminal it says %s", e.stderr)
	}
	sameMail(t, readAccount(t, dovecot.Addr, "bert", imapPassword), before)

	done := h.prune(0, "latest", target, "--yes")
	if done.Removed != plan.Surplus || done.MailboxesRemoved != 2 || done.FlagsSet != 5 || done.Left != 0 || !done.Done {
		t.Errorf("it did %+v", done)
	}
	want := readAccount(t, dovecot.Addr, "anna", imapPassword)
	sameMail(t, readAccount(t, dovecot.Addr, "bert", imapPassword), want)
	for name, host := range map[string]*host{"again": h, "again, by who remembers nothing": sameKey(t, h)} {
		if again := host.prune(0, "latest", target, "--yes"); again.Surplus+again.Reflagged+len(again.Mailboxes)+again.Removed > 0 || !again.Done {
			t.Errorf("%s: %+v", name, again)
		}
	}
	sameMail(t, readAccount(t, dovecot.Addr, "bert", imapPassword), want)
}

// With chosen mailboxes, others are not changed.
func TestPruneChosen(t *testing.T) {
	t.Parallel()
	h, dovecot := toPrune(t)
	strange(dovecot, "bert")
	dovecot.Deliver("bert", "Work", plain(200, 203)...)
	want := readAccount(t, dovecot.Addr, "bert", imapPassword)
	for name, b := range readAccount(t, dovecot.Addr, "anna", imapPassword) {
		if strings.HasPrefix(name, "Work") {
			want[name] = b
		}
	}
	done := h.prune(0, "latest", accountURL("bert", dovecot.Addr), "--yes", "--mailbox", "Work")
	if done.Removed != 3 || done.MailboxesRemoved != 0 {
		t.Errorf("it did %+v", done)
	}
	sameMail(t, readAccount(t, dovecot.Addr, "bert", imapPassword), want)
}

// In these cases a pruning is refused, and changes nothing.
func TestPruneRefused(t *testing.T) {
	t.Parallel()
	h, dovecot := toPrune(t)
	strange(dovecot, "bert")
	target := accountURL("bert", dovecot.Addr)
	before := readAccount(t, dovecot.Addr, "bert", imapPassword)
	for want, args := range map[string][]string{
		"single messages are selected":  {"--subject", "hello"},
		"does not work with .eml files": {"--to", "eml:" + filepath.Join(h.home, "eml")},
		"--prune and --prefix exclude":  {"--prefix", "Below"},
	} {
		e := h.run(append([]string{"restore", "latest", "--prune", "--yes", "--to", target}, args...)...)
		if e.status != 1 && e.status != 2 || !strings.Contains(e.stderr, want) {
			t.Errorf("%s ends with %d: %s", e.call, e.status, e.stderr)
		}
	}
	bare := startDovecot(t, testbed.DovecotOptions{Capability: "IMAP4rev1"})
	bare.Deliver("carl", "INBOX", plain(100, 103)...)
	if e := h.must(1, "restore", "latest", "--prune", "--yes", "--to", accountURL("carl", bare.Addr)); !strings.Contains(e.stderr, "UIDPLUS") {
		t.Errorf("without UIDPLUS: %s", e.stderr)
	}
	if n := len(readAccount(t, bare.Addr, "carl", imapPassword)["INBOX"].letters); n != 3 {
		t.Errorf("then there are %d messages", n)
	}
	// An account that shrank.
	{
		name := "shrunk"
		dovecot.Deliver(name, "INBOX", plain(0, 100)...)
		h.backUp(0, accountURL(name, dovecot.Addr))
		c := login(t, dovecot.Addr, name, imapPassword)
		c.do("SELECT INBOX", nil)
		c.do(`STORE 1:90 +FLAGS (\Deleted)`, nil)
		c.do("EXPUNGE", nil)
		h.backUp(4, accountURL(name, dovecot.Addr))
		if e := h.run("restore", name+"@127.0.0.1@latest", "--prune", "--yes", "--to", target); e.status != 1 || !strings.Contains(e.stderr, "shrunk suspiciously") {
			t.Errorf("%s ends with %d: %s", e.call, e.status, e.stderr)
		}
	}
	sameMail(t, readAccount(t, dovecot.Addr, "bert", imapPassword), before)
}

// While the target refuses a message, nothing is removed, unless the user asks for it.
func TestPruneUnlessAllIsAdded(t *testing.T) {
	t.Parallel()
	dovecot := startDovecot(t, testbed.DovecotOptions{})
	from := t.TempDir()
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.Mkdir(filepath.Join(from, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{"1.empty:2,": "", "2.full:2,S": "Subject: full\n\n"} {
		if err := os.WriteFile(filepath.Join(from, "cur", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	dovecot.PutMaildir("anna", from)
	dovecot.Deliver("bert", "INBOX", plain(100, 103)...)
	h := newHost(t)
	h.onDirectory()
	h.backUp(0, accountURL("anna", dovecot.Addr))
	target := accountURL("bert", dovecot.Addr)
	if done := h.prune(3, "latest", target, "--yes"); done.Done || done.Surplus != 3 || done.Removed != 0 {
		t.Errorf("it did %+v", done)
	}
	if n := len(readAccount(t, dovecot.Addr, "bert", imapPassword)["INBOX"].letters); n != 4 {
		t.Errorf("there are %d messages, want 4", n)
	}
	if done := h.prune(3, "latest", target, "--yes", "--even-incomplete"); !done.Done || done.Removed != 3 {
		t.Errorf("with another word it did %+v", done)
	}
}

// A Maildir becomes the manifest too, in either layout. Files in it that are not mail are not
// changed.
func TestPruneMaildir(t *testing.T) {
	t.Parallel()
	for _, layout := range []string{"maildir++", "nested"} {
		h, _ := toPrune(t)
		path := filepath.Join(h.home, "Maildir")
		target := "maildir:" + path
		h.restore(0, "latest", target, "--layout", layout)
		want := tree(t, path)

		work, old := ".Work", ".Old.Deep"
		if layout == "nested" {
			work, old = "Work", "Old/Deep"
		}
		write := func(name, text string) {
			t.Helper()
			at := filepath.Join(path, name)
			if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for _, sub := range []string{"cur", "tmp", "new"} {
			if err := os.MkdirAll(filepath.Join(path, old, sub), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		write(filepath.Join(old, "cur", "1.foreign:2,S"), "Subject: x\n\n")
		write(filepath.Join(old, "dovecot.index.log"), "x")
		write(filepath.Join(work, "new", "2.foreign"), "Subject: y\n\n")
		write("notes.txt", "mine")
		write(filepath.Join(work, "notes.txt"), "mine")
		files, err := filepath.Glob(filepath.Join(path, "cur", "*"))
		if err != nil || len(files) != 22 {
			t.Fatal(files, err)
		}
		twin := strings.Replace(files[5], ".1.mailstrata", ".7.mailstrata", 1)
		data, err := os.ReadFile(files[5])
		if err != nil {
			t.Fatal(err)
		}
		write(strings.TrimPrefix(twin, path), string(data))
		if err := os.Rename(files[3], strings.TrimSuffix(files[3], "S")+"FT"); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(files[8]); err != nil {
			t.Fatal(err)
		}
		// A copy that was made between the plan and the removal would stay: see the tests of
		// package archive.
		if plan := h.prune(0, "latest", target, "--layout", layout, "--dry-run"); plan.Surplus != 3 || plan.Reflagged != 1 || len(plan.Mailboxes) != 1 {
			t.Errorf("%s: the plan is %+v", layout, plan)
		}
		if done := h.prune(0, "latest", target, "--layout", layout, "--yes"); done.Removed != 3 || done.FlagsSet != 1 || done.MailboxesRemoved != 1 || done.Left != 0 {
			t.Errorf("%s: it did %+v", layout, done)
		}
		have := tree(t, path)
		for _, mine := range []string{"notes.txt", work + "/notes.txt"} {
			if !slices.Contains(have, mine) {
				t.Errorf("%s: %s is gone", layout, mine)
			}
			have = slices.DeleteFunc(have, func(name string) bool { return name == mine })
		}
		if !slices.Equal(have, want) {
			t.Errorf("%s: have\n%s\nwant\n%s", layout, strings.Join(have, "\n"), strings.Join(want, "\n"))
		}
	}
}

// tree returns the files below a directory, without the numbers of copies, which may differ.
func tree(t *testing.T, path string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(path, func(at string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			name, _ := filepath.Rel(path, at)
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return names
}
