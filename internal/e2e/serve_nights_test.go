package e2e_test

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/generate"
	"github.com/mailstrata/mailstrata/internal/testbed"
)

// Thirty nights of an account that changes in every way: Python's imaplib reads each of them as it
// read the account that night.
func TestThirtyServedNights(t *testing.T) {
	t.Parallel()
	dovecot := startDovecot(t, testbed.DovecotOptions{})
	g := generate.New(30)
	f := place(t, dovecot, "anna")
	f.put("INBOX", g.Messages(20)...)
	f.put("Sent", g.Messages(5)...)
	f.put("odd", g.Oddities()[:10]...)
	f.done()
	h := newHost(t)
	h.onDirectory()
	python := startImaplib(t)
	c := login(t, dovecot.Addr, "anna", imapPassword)
	defer c.conn.Close()
	var nights []string
	for n := range 30 {
		change(dovecot, c, g, n)
		nights = append(nights, python.read(dovecot.Addr, "anna", imapPassword))
		h.backUp(0, accountURL("anna", dovecot.Addr), "--shrink-limit", "off")
	}
	address := h.serve()
	name, _, _ := net.SplitHostPort(dovecot.Addr)
	for n, want := range nights {
		have := python.read(address, fmt.Sprintf("anna@%s#latest~%d", name, len(nights)-1-n), servePassword)
		if have != want || strings.Count(want, "\n") < 30 || n > 0 && want == nights[n-1] {
			t.Errorf("night %d is served as\n%s\nwant\n%s", n, have, want)
		}
	}
}

// change changes an account: new messages, flags, moves and copies, deletions, and new, renamed and
// deleted mailboxes, one of them with a new one of its name, which has another UIDVALIDITY.
func change(d *testbed.DovecotServer, c *wire, g *generate.Generator, n int) {
	d.Deliver("anna", "INBOX", appended(g.Messages(1+n%3))...)
	commands := []string{"SELECT INBOX", "STORE 1 +FLAGS (\\Seen)", fmt.Sprintf("STORE %d FLAGS (\\Answered $Label%d)", 2+n%9, n%4)}
	if n%2 == 1 {
		commands = append(commands, "MOVE 3 Sent")
	}
	if n%3 == 1 {
		commands = append(commands, "STORE 4:5 +FLAGS (\\Deleted)", "EXPUNGE")
	}
	switch n % 6 {
	case 0:
		commands = append(commands, fmt.Sprintf("CREATE Projects/%d", n), fmt.Sprintf("COPY 1:2 Projects/%d", n))
	case 1:
		commands = append(commands, fmt.Sprintf("RENAME Projects/%d &ZeVnLIqe-/%d", n-1, n))
	case 2:
		commands = append(commands, "CREATE turn", "COPY 1:3 turn")
	case 3:
		commands = append(commands, "DELETE turn", "CREATE turn", "COPY 4:6 turn")
	case 4:
		commands = append(commands, "DELETE turn", "RENAME &ZeVnLIqe- Work", "CREATE Work", "COPY 1 Work")
	case 5:
		commands = append(commands, fmt.Sprintf("RENAME Work old%d", n))
	}
	for _, command := range commands {
		c.do(command, nil)
	}
}
