package view

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// names gives the mailboxes of a night names for IMAP clients: in modified UTF-7, with one
// delimiter. A mailbox keeps the name that its server gave it, unless a client could not use it.
// Then some bytes are written as "=" and two upper-case hexadecimal digits: those of a name that is
// not modified UTF-7 and cannot be made so, the delimiter within a level of the hierarchy, and each
// "=" that would otherwise look like such a byte. So two mailboxes never get the same name.
type names struct {
	delimiter string
	raw       map[string]bool
}

func newNames(all []*manifest.Mailbox, delimiter string) *names {
	n := &names{delimiter: delimiter, raw: make(map[string]bool, len(all))}
	for _, m := range all {
		n.raw[m.Raw] = true
	}
	return n
}

// of returns the name of a mailbox.
func (n *names) of(m *manifest.Mailbox) string {
	if m.IsInbox() {
		return "INBOX"
	}
	name := n.escaped(m.Raw, m.Delimiter)
	if m.Delimiter != n.delimiter && n.raw[name] && name != m.Raw {
		return n.escaped(m.Raw, "") // "a.b" beside "a/b"
	}
	return name
}

func (n *names) escaped(raw, delimiter string) string {
	if decoded, ok := mail.DecodeName(raw); ok {
		// A server may send UTF-8. The same name in modified UTF-7 may be another mailbox.
		if encoded := mail.EncodeName(decoded); encoded == raw || !n.raw[encoded] {
			return mail.EncodeName(n.escape(decoded, delimiter, true))
		}
	}
	return n.escape(raw, delimiter, false)
}

// escape escapes what cannot stay of a name. text says that it is decoded.
func (n *names) escape(name, delimiter string, text bool) string {
	var b strings.Builder
	for len(name) > 0 {
		if delimiter != "" && strings.HasPrefix(name, delimiter) {
			b.WriteString(n.delimiter)
			name = name[len(delimiter):]
			continue
		}
		r, size := utf8.DecodeRuneInString(name)
		bad := !text && (r > '~' || r < ' ' || r == '&') || r == utf8.RuneError && size == 1 ||
			strings.HasPrefix(name, n.delimiter) || r == '=' && isHex(name[1:])
		for _, c := range []byte(name[:size]) {
			if bad {
				fmt.Fprintf(&b, "=%02X", c)
			} else {
				b.WriteByte(c)
			}
		}
		name = name[size:]
	}
	return b.String()
}

// isHex reports whether a text begins with two upper-case hexadecimal digits.
func isHex(text string) bool {
	return len(text) >= 2 && strings.Trim(text[:2], "0123456789ABCDEF") == ""
}
