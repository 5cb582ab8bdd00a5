package e2e_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/testbed"
)

// oddNames are names that some server accepts and another one does not, with "/" between levels.
var oddNames = []string{"trail ", " lead", "a*b", "100%", "%23hash", "%41", "=3Dx", "R&-D", "caf&AOk-", `say "hi"`, "x..y", "a/b ", " ",
	"v1.2", "~", "{3}", `back\slash`, "#news", "&-", "%", "*", "Entw&APw-rfe/&ZeVnLIqe-", strings.Repeat("n", 200), "inbox/inbox", "Inbox.x"}

// An account that is restored into itself stays as it is, whatever its mailboxes are called:
// nothing is added, nothing is removed with --prune, and a dry run says so, also on a host without
// a journal.
func TestRestoredIntoItself(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(*testing.T) (addr, user, password, prefix, delimiter string){
		"Dovecot": func(t *testing.T) (string, string, string, string, string) {
			d := startDovecot(t, testbed.DovecotOptions{})
			return d.Addr, "anna", imapPassword, "", "/"
		},
		"Cyrus": func(t *testing.T) (string, string, string, string, string) {
			c := testbed.Cyrus(t, testbed.CyrusOptions{})
			return c.Addr, "anna", c.Password, "", "/"
		},
		"Cyrus with dots": func(t *testing.T) (string, string, string, string, string) {
			c := testbed.Cyrus(t, testbed.CyrusOptions{Dots: true})
			return c.Addr, "anna", c.Password, "INBOX.", "."
		},
		"Courier": func(t *testing.T) (string, string, string, string, string) {
			c := testbed.Courier(t)
			return c.Addr, "anna", c.Password, "INBOX.", "."
		},
		"mox": func(t *testing.T) (string, string, string, string, string) {
			m := testbed.Mox(t)
			return m.Addr, m.User, m.Password, "", "/"
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr, user, password, prefix, delimiter := start(t)
			intoItself(t, addr, user, password, makeOdd(t, addr, user, password, prefix, delimiter))
		})
	}
}

// makeOdd creates the mailboxes that the server accepts, each with a few messages, and returns
// their raw names.
func makeOdd(t *testing.T, addr, user, password, prefix, delimiter string) (made []string) {
	c := login(t, addr, user, password)
	defer c.conn.Close()
	for i, name := range append([]string{"INBOX"}, oddNames...) {
		raw := prefix + strings.ReplaceAll(name, "/", delimiter)
		if name == "INBOX" {
			raw = name
		} else if line, ok := c.try("CREATE "+quoted(raw), nil); !ok {
			t.Logf("CREATE %q: %s", raw, line)
			continue
		}
		refused := ""
		for n := range 3 {
			body := fmt.Sprintf("From: a@mail.example\r\nMessage-ID: <%d.%d@mail.example>\r\nSubject: %d\r\n\r\n%d\r\n", i, n, i, n)
			if line, ok := c.try(fmt.Sprintf("APPEND %s (\\Seen) {%d}\r\n%s", quoted(raw), len(body), body), nil); !ok {
				refused = line
			}
		}
		if refused != "" {
			t.Logf("APPEND to %q: %s", raw, refused)
		} else {
			made = append(made, raw)
		}
	}
	return made
}

func intoItself(t *testing.T, addr, user, password string, made []string) {
	h := newHost(t)
	h.onDirectory()
	h.set("MAILSTRATA_IMAP_PASSWORD", password)
	target := accountURL(user, addr)
	h.backUp(0, target)
	want := readAccount(t, addr, user, password)
	if len(made) < 10 {
		t.Errorf("the server takes only %q", made)
	}
	for _, host := range []*host{h, sameKey(t, h)} {
		for _, flags := range [][]string{{"--dry-run"}, {"--prune", "--dry-run"}, nil, {"--prune", "--yes"}} {
			var r struct {
				Added, Present int
				Notes          []string
				Prune          struct {
					Surplus, Removed int
					Mailboxes        []string
				}
			}
			host.must(0, append([]string{"restore", "--json", "latest", "--with-deleted", "--to", target}, flags...)...).json(&r)
			if r.Added != 0 || r.Present != want.count() || r.Prune.Surplus+r.Prune.Removed+len(r.Prune.Mailboxes)+len(r.Notes) > 0 {
				t.Errorf("restored into itself (%q), it prints %+v", flags, r)
			}
		}
		sameAccount(t, readAccount(t, addr, user, password), want)
	}
	lostAll(t, h, addr, user, password, target, want)
}

// lostAll deletes every mailbox, and requires all to be restored under their own names.
func lostAll(t *testing.T, h *host, addr, user, password, target string, want account) {
	c := login(t, addr, user, password)
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(want))) {
		if want[name].selectable && !strings.EqualFold(name, "INBOX") {
			c.do("DELETE "+quoted(name), nil)
		}
	}
	c.conn.Close()
	var r restored
	h.must(0, "restore", "--json", "latest", "--with-deleted", "--to", target).json(&r)
	have := readAccount(t, addr, user, password)
	for name, w := range want {
		if w.selectable && (have[name] == nil || len(have[name].letters) != len(w.letters)) {
			t.Errorf("mailbox %q did not come back: %q", name, r.Notes)
		}
	}
}
