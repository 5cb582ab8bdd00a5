package e2e_test

import (
	"net"
	"slices"
	"testing"
)

// A label of Gmail is served as a mailbox with the messages that have it, under the UIDs of All
// Mail, and changes with the nights.
func TestServedGmail(t *testing.T) {
	t.Parallel()
	g, messages := gmailAccount(t)
	h := gmailHost(t)
	url := accountURL("anna", g.Addr)
	h.backUp(0, url)
	first := gmailShows(g)
	g.Change(messages[0], func() { messages[0].Labels = []string{"Work/2026"} })
	g.Change(messages[4], func() { messages[4].Labels = []string{`\Inbox`, "empty"} })
	h.backUp(0, url)
	second := gmailShows(g)
	name, _, _ := net.SplitHostPort(g.Addr)
	address := h.serve()
	for user, want := range map[string]map[string][]string{"anna@" + name + "#latest~1": first, "anna@" + name: second} {
		have := readAccount(t, address, user, servePassword)
		numbers := make(map[string]uint32) // UIDs in All Mail by message
		for _, l := range have[allMail].letters {
			numbers[string(l.contents)] = l.uid
		}
		for mailbox, want := range want {
			b := have[mailbox]
			if b == nil {
				t.Errorf("%s has no mailbox %s", user, mailbox)
				continue
			}
			var texts []string
			for _, l := range b.letters {
				texts = append(texts, string(l.contents))
				if uid, there := numbers[string(l.contents)]; there && l.uid != uid {
					t.Errorf("%s: %q in %s has the UID %d, in All Mail %d", user, l.contents, mailbox, l.uid, uid)
				}
			}
			if slices.Sort(texts); !slices.Equal(texts, want) {
				t.Errorf("%s: mailbox %s has\n%q, want\n%q", user, mailbox, texts, want)
			}
		}
		if len(have) != len(want)+1 { // [Gmail] holds nothing
			t.Errorf("%s has %d mailboxes, want %d", user, len(have), len(want)+1)
		}
	}
}

// gmailShows returns the messages that the server shows in each mailbox, sorted.
func gmailShows(g *gmailServer) map[string][]string {
	all := make(map[string][]string)
	for _, b := range g.boxes {
		if b.none {
			continue
		}
		var texts []string
		for _, m := range b.shown() {
			texts = append(texts, m.Body)
		}
		slices.Sort(texts)
		all[b.raw] = texts
	}
	return all
}
