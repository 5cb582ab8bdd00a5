package imap

import (
	"strings"
	"unicode/utf8"

	"github.com/mailstrata/mailstrata/mail"
)

// naming is how names of mailboxes are written on a connection.
type naming struct {
	utf8 bool // UTF8=ACCEPT is enabled: "&" is a character like any other (RFC 6855 section 3)
}

// decode gives a name in UTF-8, or ok false where it cannot be read.
func (n naming) decode(raw string) (name string, ok bool) {
	if n.utf8 {
		return raw, utf8.ValidString(raw)
	}
	return mail.DecodeName(raw)
}

// key is one key for all the ways to write a mailbox's name: servers answer UTF-8 for modified UTF-7, and INBOX has no
// case.
func (n naming) key(raw string) string {
	if strings.EqualFold(raw, "INBOX") {
		return "INBOX"
	}
	if name, ok := n.decode(raw); ok {
		return name
	}
	return raw
}

// SameName returns one key for all the ways to write a mailbox's name in modified UTF-7, which ASCII names are as well.
func SameName(raw string) string { return naming{}.key(raw) }

// names is how this connection writes them.
func (c *conn) names() naming { return naming{utf8: c.enabled.has("UTF8=ACCEPT")} }
