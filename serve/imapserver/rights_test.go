package imapserver_test

import (
	"testing"

	"github.com/mailstrata/mailstrata/serve/imapserver"
)

// A client learns that it may read, and nothing else.
func TestRights(t *testing.T) {
	r, _ := sample(t)
	c := login(t, serve(t, r, imapserver.Limits{}), account)
	c.want("MYRIGHTS inbox", "* MYRIGHTS INBOX lr", "x OK")
	c.want("MYRIGHTS Entw&APw-rfe", "* MYRIGHTS Entw&APw-rfe lr", "x OK")
	c.want("MYRIGHTS nothing", "x NO [NONEXISTENT]")
	c.want("MYRIGHTS", "x BAD")
	for _, command := range []string{"GETACL INBOX", "LISTRIGHTS INBOX anna", "SETACL INBOX anna lrs", "DELETEACL INBOX anna"} {
		c.want(command, "!* ", "x NO [NOPERM]")
	}
}
