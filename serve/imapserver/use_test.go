package imapserver_test

import (
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
	"github.com/mailstrata/mailstrata/serve/imapserver"
	"github.com/mailstrata/mailstrata/serve/view"
)

// What clients send while nobody uses them is no use. So it does not keep a server alive that ends
// when it is not used.
func TestIdlingIsNoUse(t *testing.T) {
	store := new(storetest.Memory)
	a := archivetest.NewAccount()
	a.Mailbox("INBOX").Add("Subject: x\r\n\r\n")
	archivetest.Backup(t, archivetest.NewRepo(t, store), a)
	var used atomic.Int64
	served := view.NewArchive(archivetest.Reopen(t, store))
	address := serveCounted(t, served, imapserver.Limits{}, func() { used.Add(1) })
	c := dial(t, address)
	c.want("SELECT INBOX", "x ") // without a login
	c.want("LOGIN "+account+" wrong", "x NO")
	c = login(t, address, account)
	if n := used.Load(); n != 0 {
		t.Errorf("%d uses before anything is opened", n)
	}
	c.want("SELECT INBOX", "x OK")
	c.want("FETCH 1 BODY[]", "x OK")
	if n := used.Load(); n != 2 {
		t.Errorf("%d uses after two commands", n)
	}
	for range 3 {
		for _, command := range []string{"NOOP", "noop", "CHECK", "STATUS INBOX (MESSAGES)", "CAPABILITY"} {
			c.want(command, "x OK")
		}
		if _, err := io.WriteString(c.conn, "x IDLE\r\n"); err != nil {
			t.Fatal(err)
		}
		if line := c.line(); !strings.HasPrefix(line, "+ ") {
			t.Fatalf("IDLE: %q", line)
		}
		if _, err := io.WriteString(c.conn, "DONE\r\n"); err != nil {
			t.Fatal(err)
		}
		if line := c.line(); !strings.HasPrefix(line, "x OK") {
			t.Fatalf("DONE: %q", line)
		}
	}
	c.want("LOGOUT", "* BYE", "x OK")
	if n := used.Load(); n != 2 {
		t.Errorf("%d uses after a client was idle", n)
	}
}
