package e2e_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// gmailAccount is an account with messages in several labels, in one, in none, in Spam and in
// Trash.
func gmailAccount(t *testing.T) (*gmailServer, []*gmailMessage) {
	t.Helper()
	g := startGmail(t, "Tous les messages")
	for _, label := range []string{"Work", "Work/2026", "Entw&APw-rfe", `say "hi"`, "empty"} {
		g.Label(label)
	}
	var messages []*gmailMessage
	for i, labels := range [][]string{
		{`\Inbox`, `\Important`, "Work"}, {`\Inbox`}, {"Work", "Work/2026"}, {"Entw&APw-rfe", `say "hi"`}, {}, {},
		{`\Sent`, `\Starred`}, {`\Draft`}, {`\Muted`}, {"not shown", "Work"},
	} {
		messages = append(messages, &gmailMessage{Labels: labels, Flags: []string{`\Seen`}})
		if i%2 == 0 {
			messages[i].Flags = nil
		}
	}
	messages = append(messages, &gmailMessage{Home: `\Junk`}, &gmailMessage{Home: `\Trash`, Labels: []string{"Work"}})
	for i, m := range messages {
		m.Body = fmt.Sprintf("Subject: message %d\r\nMessage-ID: <%d@mail.example>\r\n\r\nhello %d\r\n", i, i, i)
		m.Date = time.Date(2026, 3, 1+i, 8, 0, 0, 0, time.UTC)
	}
	g.Deliver(messages...)
	return g, messages
}

func gmailHost(t *testing.T) *host {
	h := newHost(t)
	h.onDirectory()
	return h
}

// labeled returns the messages of a mailbox of a manifest, by subject, with their labels.
func labeled(h *host, manifest, mailbox string) map[string]string {
	h.t.Helper()
	found := map[string]string{}
	for line := range strings.Lines(h.must(0, "ls", "--json", manifest, mailbox).stdout) {
		var m struct {
			Subject string
			Labels  []string
		}
		ended{t: h.t, stdout: line}.json(&m)
		slices.Sort(m.Labels)
		found[m.Subject] = strings.Join(m.Labels, "|")
	}
	return found
}

const allMail = "[Gmail]/Tous les messages"

// Each message of a Gmail account is downloaded once, with its labels, and the labels are listed
// and not read.
func TestGmailAllMail(t *testing.T) {
	t.Parallel()
	g, messages := gmailAccount(t)
	g.Interrupt()
	h, url := gmailHost(t), accountURL("anna", g.Addr)
	m := h.backUp(0, url)
	if m.Messages != len(messages) || g.Bodies() != len(messages) || !m.Consistent || m.Mailboxes != len(g.Mailboxes()) || m.Warnings > 0 {
		t.Errorf("%d messages, %d bodies: %+v", len(messages), g.Bodies(), m)
	}
	check := func(when string) {
		t.Helper()
		have := labeled(h, "latest", allMail)
		for i, m := range messages {
			subject := fmt.Sprintf("message %d", i)
			want := slices.Sorted(slices.Values(m.Labels))
			if labels, there := have[subject]; m.Home == "" && (!there || labels != strings.Join(want, "|")) {
				t.Errorf("%s, %s: labels %q, want %q", when, subject, labels, want)
			}
		}
		if inbox := labeled(h, "latest", "INBOX"); len(inbox) > 0 {
			t.Errorf("%s: INBOX holds %v", when, inbox)
		}
	}
	check("at first")
	g.Change(messages[0], func() { messages[0].Labels = []string{"Work/2026"} })
	g.Change(messages[1], func() { messages[1].Flags = []string{`\Flagged`} }) // its labels stay
	second := h.backUp(0, url)
	check("when labels changed")
	if g.Bodies() != len(messages) || !second.Consistent || second.NewMessages > 0 {
		t.Errorf("%d bodies for a change of labels: %+v", g.Bodies(), second)
	}
	fetches := g.Count("UID FETCH")
	if third := h.backUp(0, url); g.Count("UID FETCH") != fetches || !third.Consistent {
		t.Errorf("nothing changed, and it fetches: %+v", third)
	}
	if diff := h.must(0, "diff", "latest~2", "latest", "--list").stdout; !strings.Contains(diff, "Work/2026") {
		t.Errorf("the difference shows no labels:\n%s", diff)
	}
	h.must(0, "check")
}

// The selection of a Gmail account may change from run to run without losses or alarms.
func TestGmailModes(t *testing.T) {
	t.Parallel()
	g, messages := gmailAccount(t)
	for i := range 200 { // enough for an alarm
		g.Deliver(&gmailMessage{Body: fmt.Sprintf("Subject: bulk %d\r\n\r\n", i), Labels: []string{`\Inbox`, "Work"}, Date: time.Unix(1e9, 0)})
	}
	h, url := gmailHost(t), accountURL("anna", g.Addr)
	whole := len(messages) + 200
	labels := h.backUp(0, url, "--gmail", "labels")
	if labels.Messages <= whole+400 || !labels.Consistent {
		t.Errorf("by labels: %+v", labels)
	}
	for _, step := range []struct {
		flags  []string
		hidden bool
		want   int
	}{{nil, false, whole}, {[]string{"--gmail", "labels"}, false, labels.Messages}, {nil, false, whole}, {nil, true, labels.Messages - whole + 2}, {nil, false, whole}} {
		g.Hide(allMail, step.hidden)
		m := h.backUp(0, url, step.flags...)
		if m.Messages != step.want || !m.Consistent || step.hidden != (m.Warnings > 0) {
			t.Errorf("%+v: %+v", step, m)
		}
		if diff := h.must(0, "diff", "latest~1", "latest").stdout; !step.hidden && strings.Contains(diff, "INBOX") {
			t.Errorf("%+v: the difference reports a loss:\n%s", step, diff)
		}
	}
	// A label that is selected by name is read.
	other := gmailHost(t)
	if m := other.backUp(0, url, "--mailbox", "INBOX"); m.Messages != 202 {
		t.Errorf("INBOX alone: %+v", m)
	}
}
