package imapclient

import (
	"strings"
	"testing"
)

// Nonsense between responses and unknown responses do no harm.
func TestNonsenseIsIgnored(t *testing.T) {
	c := connect(t, serve(t, loggedIn("", "< EXAMINE …",
		"* FLAGS (\\Seen foo[bar])", "* X-NEW (thing) {3}\r\nabc", "", "zzz 12", "TAG99 OK not mine", "* OK [X-CODE (a b] half", "*",
		"* 3 EXISTS", "* OK [UIDVALIDITY 7]", "* OK [UIDNEXT 4294967296] too large", "* OK [PERMANENTFLAGS (\\Seen foo[bar] \\*)] x",
		"* OK [HIGHESTMODSEQ 12345678901234] x", "* OK [MAILBOXID (F12)] x", "TAG OK [READ-ONLY] done")))
	box, err := c.Examine(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	if s := box.Status(); s.UIDValidity != 7 || s.UIDNext != 0 || s.Messages != 3 || s.HighestModSeq != 12345678901234 || s.MailboxID != "F12" ||
		strings.Join(box.PermanentFlags(), " ") != `\Seen foo[bar] \*` {
		t.Errorf("have %+v", box)
	}
}
