package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/testbed"
)

// The program archives an account over JMAP and restores it over JMAP and IMAP, with one mailbox
// too, into accounts that a URL or the configuration names. What it refuses, it refuses in words.
func TestJMAP(t *testing.T) {
	t.Parallel()
	cyrus := testbed.Cyrus(t, testbed.CyrusOptions{HTTP: true})
	date := time.Date(2026, 3, 8, 14, 30, 0, 0, time.UTC)
	for i, box := range []string{"INBOX", "Projects", "Projects/Bridge", "Sent"} {
		body := fmt.Sprintf("From: a@mail.example\r\nSubject: letter %d\r\n\r\nhello %d\r\n", i, i)
		cyrus.Deliver(t, "anna", box, testbed.Message{Body: body, Flags: []string{`\Seen`, "work"}, Date: date})
	}
	for _, user := range []string{"bert", "carl", "dora"} {
		cyrus.Deliver(t, user, "INBOX")
	}
	h := newHost(t)
	h.onDirectory()
	h.set("MAILSTRATA_IMAP_PASSWORD", cyrus.Password)
	account := func(user string) string {
		return "jmap:" + strings.Replace(cyrus.URL, "://", "://"+user+"@", 1) + "/jmap"
	}
	var printed struct{ Manifests []written }
	h.must(0, "backup", "--json", "--from", account("anna")).json(&printed)
	if m := printed.Manifests[0]; m.Messages != 4 || m.Account != "anna@127.0.0.1" || !m.Consistent || m.Failures+m.Warnings > 0 {
		t.Errorf("%+v", m)
	}
	h.must(0, "backup", "--json").json(&printed) // the repository knows the account
	if m := printed.Manifests[0]; m.Messages != 4 || m.NewMessages != 0 {
		t.Errorf("%+v", m)
	}
	for target, want := range map[string]int{account("bert"): 4, accountURL("carl", cyrus.Addr): 4} {
		if r := h.restore(0, "latest", target); r.Added != want || r.Changed+r.Refused+r.Failed > 0 {
			t.Errorf("%s: %+v", target, r)
		}
		if r := h.restore(0, "latest", target); r.Added != 0 || r.Present != want {
			t.Errorf("%s, again: %+v", target, r)
		}
	}
	want := readAccount(t, cyrus.Addr, "anna", cyrus.Password)
	for _, user := range []string{"bert", "carl"} {
		sameAccount(t, readAccount(t, cyrus.Addr, user, cyrus.Password), want)
	}
	if r := h.restore(0, "latest", account("dora"), "--mailbox", "Projects/Bridge", "--prefix", "Old"); r.Added != 1 {
		t.Errorf("one mailbox: %+v", r)
	}
	if have := readAccount(t, cyrus.Addr, "dora", cyrus.Password); have["Old/Projects/Bridge"] == nil || have.count() != 1 {
		t.Errorf("one mailbox: %v", have)
	}
	if out := h.must(0, "ls", "latest").stdout; !strings.Contains(out, "Projects/Bridge") {
		t.Errorf("ls prints %s", out)
	}
	for _, refused := range []struct{ url, words string }{
		{"jmap:http://anna@mail.example", "TLS"},
		{"jmap:https://anna:pw@mail.example", "holds a password"},
		{account("anna") + "/elsewhere", "JMAP"},
	} {
		if e := h.run("backup", "--from", refused.url); e.status == 0 || !strings.Contains(e.stderr, refused.words) {
			t.Errorf("%s: status %d: %s", refused.url, e.status, e.stderr)
		}
	}
	h.set("MAILSTRATA_IMAP_PASSWORD", "wrong")
	if e := h.run("backup", "--from", account("anna")); e.status != 1 || !strings.Contains(e.stderr, "check user name and password") {
		t.Errorf("a wrong password: status %d: %s", e.status, e.stderr)
	}
}
