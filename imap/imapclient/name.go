package imapclient

import (
	"strings"
	"unicode/utf8"

	"github.com/mailstrata/mailstrata/mail"
)

// naming is the encoding of mailbox names on a connection.
type naming struct {
	utf8 bool // UTF8=ACCEPT is enabled: "&" is a character like any other (RFC 6855 section 3)
}

// decode returns a name in UTF-8. ok is false if the name cannot be decoded.
func (n naming) decode(raw string) (name string, ok bool) {
	if n.utf8 {
		return raw, utf8.ValidString(raw)
	}
	return mail.DecodeName(raw)
}

// key returns one key for all the ways to write a mailbox's name: servers answer UTF-8 for modified
// UTF-7, and INBOX has no case (RFC 9051 section 5.1).
func (n naming) key(raw string) string {
	if strings.EqualFold(raw, "INBOX") {
		return "INBOX"
	}
	if name, ok := n.decode(raw); ok {
		return name
	}
	return raw
}

// SameName returns one key for all the ways to write a mailbox's name on a connection without
// UTF8=ACCEPT.
func SameName(raw string) string { return naming{}.key(raw) }

// names returns the encoding of names on this connection.
func (c *Client) names() naming { return naming{utf8: c.Enabled("UTF8=ACCEPT")} }
