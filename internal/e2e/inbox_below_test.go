package e2e_test

import (
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/testbed"
)

// A mailbox called inbox below INBOX, which Cyrus refuses, gets another name there. The name is
// reported and found again.
func TestInboxBelowInbox(t *testing.T) {
	t.Parallel()
	dovecot, cyrus := startDovecot(t, testbed.DovecotOptions{}), testbed.Cyrus(t, testbed.CyrusOptions{Dots: true})
	c := login(t, dovecot.Addr, "anna", imapPassword)
	c.do("CREATE INBOX/inbox", nil)
	c.do("CREATE INBOX/inbox/inbox", nil)
	for _, name := range []string{"INBOX", "INBOX/inbox", "INBOX/inbox/inbox"} {
		c.do("APPEND "+name+" {16}\r\nSubject: x\r\n\r\nx\r\n", nil)
	}
	c.conn.Close()
	h := newHost(t)
	h.onDirectory()
	h.backUp(0, accountURL("anna", dovecot.Addr))
	h.set("MAILSTRATA_IMAP_PASSWORD", cyrus.Password)
	target := accountURL("bert", cyrus.Addr)
	if r := h.restore(0, "latest", target); r.Added != 3 || len(r.Notes) == 0 || !strings.Contains(r.Notes[0], "nbox") {
		t.Errorf("it prints %+v", r)
	}
	if r := sameKey(t, h).restore(0, "latest", target); r.Added != 0 || r.Present != 3 {
		t.Errorf("the second restore prints %+v", r)
	}
}
