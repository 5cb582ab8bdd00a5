package e2e_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/testbed"
)

// useOf is configuration of a Dovecot that has mailboxes with special uses.
func useOf(names ...string) string {
	var b strings.Builder
	b.WriteString("namespace inbox {\n")
	for _, name := range names {
		name, use, _ := strings.Cut(name, "=")
		b.WriteString("  mailbox \"" + name + "\" {\n    auto = create\n    special_use = " + use + "\n  }\n")
	}
	return b.String() + "}\n"
}

// An account moves from one provider to another, while mail arrives at both: a second run adds what
// came meanwhile, each special mailbox goes to the one of its kind, mail that the new account has
// stays, and a comparison shows that nothing is missing.
func TestMovingHouse(t *testing.T) {
	t.Parallel()
	dovecot := startDovecot(t, testbed.DovecotOptions{Config: useOf(`Sent=\Sent`, `Trash=\Trash`)})
	cyrus := testbed.Cyrus(t, testbed.CyrusOptions{})
	dovecot.Deliver("anna", "INBOX", plain(0, 3, `\Seen`)...)
	dovecot.Deliver("anna", "Sent", plain(3, 5, `\Seen`)...)
	dovecot.Deliver("anna", "Projects/2023", plain(5, 7, `\Flagged`)...)
	c := login(t, cyrus.Addr, "anna.new", cyrus.Password)
	c.do(`CREATE "Sent Items" (USE (\Sent))`, nil)
	c.do("APPEND INBOX {24}\r\nSubject: welcome\r\n\r\nhi\r\n", nil)
	c.conn.Close()

	h := newHost(t)
	h.onDirectory()
	was, is := accountURL("anna", dovecot.Addr), accountURL("anna.new", cyrus.Addr)
	move := func() restored {
		t.Helper()
		h.set("MAILSTRATA_IMAP_PASSWORD", imapPassword)
		h.backUp(0, was, "--name", "old")
		h.set("MAILSTRATA_IMAP_PASSWORD", cyrus.Password)
		return h.restore(0, "old@latest", is)
	}
	if r := move(); r.Added != 7 || !slices.ContainsFunc(r.Notes, func(note string) bool { return strings.Contains(note, "Sent Items") }) {
		t.Errorf("the first run: %+v", r)
	}
	dovecot.Deliver("anna", "INBOX", plain(7, 9)...)
	if r := move(); r.Added != 2 || r.Present != 7 {
		t.Errorf("the second run: %+v", r)
	}
	have := inServer(t, cyrus.Addr, "anna.new", cyrus.Password)
	want := map[string][]string{"welcome": {"INBOX"}}
	for subject, name := range map[string]string{"012": "INBOX", "34": "Sent Items", "56": "Projects/2023", "78": "INBOX"} {
		for _, n := range subject {
			want[string(n)] = []string{name}
		}
	}
	sameIn(t, "Cyrus", have, want)
	h.backUp(0, is, "--name", "new")
	var missing restored
	h.run("restore", "--json", "old@latest", "--missing-from", "new@latest", "--to", "eml:"+h.home+"/missing", "--dry-run").json(&missing)
	if missing.Messages != 0 {
		t.Errorf("the new account lacks %+v", missing)
	}
}

// inServer is inAccount with a password. It knows messages by the last word of their subjects.
func inServer(t *testing.T, address, user, password string) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for name, b := range readAccount(t, address, user, password) {
		for _, l := range b.letters {
			subject, _, _ := strings.Cut(strings.TrimPrefix(string(l.contents), "Subject: "), "\r\n")
			subject = subject[strings.LastIndexByte(subject, ' ')+1:]
			found[subject] = append(found[subject], name)
		}
	}
	return found
}

// From Gmail, labels become mailboxes, and Gmail's own go to those with the same use. A second run
// adds what came meanwhile.
func TestMovingFromGmail(t *testing.T) {
	t.Parallel()
	g, messages := gmailAccount(t)
	dovecot := startDovecot(t, testbed.DovecotOptions{Config: useOf(`Sent=\Sent`, `Drafts=\Drafts`, `Junk=\Junk`, `Bin=\Trash`)})
	h := gmailHost(t)
	move := func() restored {
		t.Helper()
		h.backUp(0, accountURL("anna", g.Addr))
		return h.restore(0, "latest", accountURL("bert", dovecot.Addr))
	}
	first := move()
	g.Deliver(&gmailMessage{Body: "Subject: message 20\r\n\r\nhello\r\n", Labels: []string{`\Inbox`, "Work"}, Date: messages[0].Date})
	if r := move(); r.Added != 2 || r.Present != first.Added {
		t.Errorf("the second run: %+v, after %+v", r, first)
	}
	want := map[string][]string{"20": {"INBOX", "Work"}}
	for subject, names := range wantedIn {
		want[subject] = slices.Clone(names)
	}
	want["6"], want["7"], want["10"], want["11"] = []string{"Sent", "[Gmail]/Starred"}, []string{"Drafts"}, []string{"Junk"}, []string{"Bin"}
	sameIn(t, "Dovecot", inAccount(t, dovecot.Addr, "bert"), want)
}
