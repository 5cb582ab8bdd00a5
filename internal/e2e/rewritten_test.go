package e2e_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/demo"
	"github.com/mailstrata/mailstrata/internal/testbed"
)

// rewritten are messages whose bytes some server changes.
func rewritten() (bodies []string) {
	head := func(more string) string {
		n := len(bodies)
		return fmt.Sprintf("Received: by %d\r\nFrom: Ann <ann@mail.example>\r\nTo: bob@mail.example\r\nSubject: %d\r\nMessage-ID: <%d@mail.example>\r\n"+
			"Date: Mon, 02 Mar 2026 10:00:00 +0000\r\n%s", n, n, n, more)
	}
	binary := strings.Repeat("\x00\x01\x02 binary \xff\xfe\r\n", 200)
	add := func(body string) { bodies = append(bodies, body) }
	add(head("MIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n") + binary)
	add(head("MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\ntext\r\n"+
		"--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n") + binary + "\r\n--b--\r\n")
	for _, fields := range []string{"Status: RO\r\n", "X-Status: AF\r\n", "X-Keywords: one two\r\n", "X-UID: 17\r\n", "Content-Length: 3\r\n",
		"X-IMAP: 1 2\r\n", "X-IMAPbase: 1 2\r\n", "Status: O\r\nX-Status: \r\nX-Keywords:                 \r\nX-UID: 3\r\nContent-Length: 999999\r\nLines: 3\r\n"} {
		add(head(fields + "\r\nx\r\n"))
	}
	add(head("X-Umlaut: f\xfcr\r\n\r\nFrom the beginning\r\n>From\r\n"))
	add(head("\r\nno line end"))
	add(head("\r\n\r\n\r\n\r\n"))
	same := head("") // copies by different ways, and one that only a hidden field distinguishes
	add(same + "\r\nx\r\n")
	add("Received: by list\r\n" + strings.Replace(same, "Received: by", "Received: for", 1) + "\r\nx\r\n")
	add(strings.Replace(same, "Subject:", "X-Hidden: 1\r\nSubject:", 1) + "\r\nx\r\n")
	add(head("Content-Transfer-Encoding: base64\r\n\r\n" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("base64 ", 9))) + "\r\n"))
	add("From: a@mail.example\r\nDate: Mon, 02 Mar 2026 10:00:00 +0000\r\nStatus: R\r\n\r\nwithout Message-ID\r\n")
	return bodies
}

// A host without a journal recognizes messages whose bytes a server changes: nothing is added
// twice.
func TestRewrittenMailIsKnownAgain(t *testing.T) {
	t.Parallel()
	server, err := demo.Start(demo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	a, err := server.AddAccount("anna", imapPassword)
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range rewritten() {
		if err := a.Append("INBOX", demo.Message{Body: []byte(body), Internal: time.Unix(1e9, 0)}); err != nil {
			t.Fatal(err)
		}
	}
	h := newHost(t)
	h.onDirectory()
	h.backUp(0, server.URL("anna"))
	dovecot := func(format string) func(*testing.T) (string, string, string) {
		return func(t *testing.T) (string, string, string) {
			return startDovecot(t, testbed.DovecotOptions{Format: format}).Addr, "bert", imapPassword
		}
	}
	for name, start := range map[string]func(*testing.T) (addr, user, password string){
		"Dovecot with mbox":    dovecot("mbox"),
		"Dovecot with Maildir": dovecot("maildir"),
		"Cyrus": func(t *testing.T) (string, string, string) {
			c := testbed.Cyrus(t, testbed.CyrusOptions{})
			return c.Addr, "bert", c.Password
		},
		"Courier": func(t *testing.T) (string, string, string) {
			c := testbed.Courier(t)
			return c.Addr, "bert", c.Password
		},
		"mox": func(t *testing.T) (string, string, string) {
			m := testbed.Mox(t)
			return m.Addr, m.User, m.Password
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr, user, password := start(t)
			first := sameKey(t, h)
			first.set("MAILSTRATA_IMAP_PASSWORD", password)
			var r restored
			target := accountURL(user, addr)
			first.run("restore", "--json", "latest", "--to", target, "--prefix", "rewritten").json(&r)
			if r.Added+r.Refused != len(rewritten()) || r.Added < 10 {
				t.Errorf("it prints %+v", r)
			}
			for _, p := range r.Problems {
				t.Log(p)
			}
			for range 2 {
				var again restored
				sameKey(t, first).run("restore", "--json", "latest", "--to", target, "--prefix", "rewritten").json(&again)
				if again.Added != 0 || again.Present != r.Added {
					t.Errorf("restored again by a host that remembers nothing, it prints %+v", again)
				}
			}
		})
	}
}
