package e2e_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/testbed"
)

// boxesOf returns the mailboxes of an account's latest manifest that have messages, and how many.
func (h *host) boxesOf(account string) string {
	h.t.Helper()
	var all []string
	for line := range strings.Lines(h.must(0, "ls", account+"@latest", "--json").stdout) {
		var m struct {
			Name     string
			Messages int
		}
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			h.t.Fatal(err)
		}
		if m.Messages > 0 {
			all = append(all, fmt.Sprintf("%s %d", m.Name, m.Messages))
		}
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func (e ended) says(words ...string) {
	e.t.Helper()
	for _, w := range words {
		if !strings.Contains(e.stdout+e.stderr, w) {
			e.t.Errorf("%s does not say %q:\n%s%s", e.call, w, e.stdout, e.stderr)
		}
	}
}

// Shared mailboxes are left out with a warning, and archived if they are selected. So are mailboxes
// that show messages of others.
func TestNamespacesAndVirtualMailboxes(t *testing.T) {
	t.Parallel()
	dovecot := startDovecot(t, testbed.DovecotOptions{Others: true})
	letter := func(n int) testbed.Message {
		return testbed.Message{Body: fmt.Sprintf("Subject: %d\r\nMessage-ID: <%[1]d@test>\r\n\r\nHello\r\n", n)}
	}
	for n := range 60 {
		dovecot.Deliver("anna", "Work", letter(n))
	}
	dovecot.Deliver("anna", "INBOX", letter(100), letter(101))
	dovecot.Deliver("anna", "Public/Team", letter(200))
	dovecot.PutVirtual("anna", map[string]string{"All": "*\n  all\n", "Flagged": "*\n  flagged\n", "Unseen": "INBOX\nWork\n  unseen\n"})
	w := login(t, dovecot.Addr, "anna", imapPassword)
	defer w.conn.Close()
	url := accountURL("anna", dovecot.Addr)

	h := newHost(t)
	h.onDirectory()
	h.run("doctor", "--imap", url).says("shared mailboxes and those of other users are not archived: Public/Team", "show the messages of other mailboxes: virtual/All")
	e := h.must(0, "backup", "--imap", url, "--name", "anna")
	e.says(`not archived: 1, such as "Public/Team" (--namespace`, `virtual mailboxes`, `such as "virtual/All" (--virtual`)
	if have := h.boxesOf("anna"); have != "INBOX 2, Work 60" {
		t.Errorf("archived are %s", have)
	}
	e = h.must(0, "backup", "--imap", url, "--name", "anna", "--exclude", "Public", "--exclude", "virtual")
	if strings.Contains(e.stderr, "not archived") {
		t.Errorf("what is excluded is reported: %s", e.stderr)
	}

	h.must(1, "backup", "--imap", url, "--name", "anna", "--mailbox", "Public/*").says(`"Public/Team" is in a namespace of other users`, `--namespace "Public/"`)
	h.must(1, "backup", "--imap", url, "--name", "anna", "--mailbox", "virtual/All").says("is virtual", "--virtual")
	for i, named := range []string{"shared", "Public/", "Public"} {
		name := fmt.Sprint("public-", i)
		h.must(0, "backup", "--imap", url, "--name", name, "--namespace", named, "--mailbox", "Public/*")
		if have := h.boxesOf(name); have != "Public/Team 1" {
			t.Errorf("--namespace %s: archived are %s", named, have)
		}
	}
	h.must(0, "backup", "--imap", url, "--name", "anna", "--namespace", "shared", "--virtual")
	if have := h.boxesOf("anna"); have != "INBOX 2, Public/Team 1, Work 60, virtual/All 62, virtual/Unseen 62" {
		t.Errorf("with all: archived are %s", have)
	}
	e = h.must(0, "backup", "--imap", url, "--name", "anna")
	if have := h.boxesOf("anna"); !strings.Contains(have, "Public/Team 1") || strings.Contains(e.stderr, "gone") {
		t.Errorf("what is not asked for any more is taken for lost: archived are %s\n%s", have, e.stderr)
	}

	w.do(`SELECT "Work"`, nil)
	w.do(`UID MOVE 1:60 "Public/Team"`, nil)
	w.do("UNSELECT", nil)
	h.must(4, "backup", "--imap", url, "--name", "anna").says(`it may have been moved to a mailbox that is not archived, such as "Public/Team"`)
}
