package imap

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/mailstrata/mailstrata/mail"
)

// mapping gives archived mailboxes their names on a target: its namespace and delimiter instead of theirs, INBOX without
// case, and characters that a name cannot hold there as %XX, so that the name can be read back.
type mapping struct {
	prefix    string // raw, of the target's personal namespace
	delimiter string // of the target; "" has no hierarchy
}

// escape says which characters a name keeps.
type escape func(r rune) bool

// lenient leaves out only what cannot be sent or would be taken for something else. "%" and "*" are legal in a name,
// but cannot be told from wildcards when it is listed.
func (m mapping) lenient(r rune) bool {
	return r >= ' ' && r != 0x7f && r != '*' && string(r) != m.delimiter
}

// strict is for servers that refused the name as it was: letters of all scripts, digits, and what every server takes.
func (m mapping) strict(r rune) bool {
	return r >= utf8.RuneSelf && r != utf8.RuneError || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' ||
		strings.ContainsRune(" -_", r) && string(r) != m.delimiter
}

// name is a mailbox's raw name on the target.
func (m mapping) name(box *mail.Mailbox, keep escape) string {
	if box.IsInbox() {
		return "INBOX"
	}
	levels := box.Path()
	delimiter := m.delimiter
	if delimiter == "" {
		levels = []string{strings.Join(levels, box.Delimiter)}
	}
	if len(levels) > 1 && m.underInbox() && strings.EqualFold(levels[0], "INBOX") {
		levels = levels[1:] // INBOX.Sent of one such server is INBOX.Sent on the other
	}
	for i, level := range levels {
		levels[i] = escapeLevel(level, keep)
	}
	name := strings.Join(levels, delimiter)
	if m.prefix == "" && strings.EqualFold(name, "INBOX") { // a name that only the escapes made so
		name = "%" + fmt.Sprintf("%02X", name[0]) + name[1:]
	}
	return m.prefix + mail.EncodeName(name)
}

// underInbox: all of the user's mailboxes lie below INBOX, as on Courier and many a Cyrus.
func (m mapping) underInbox() bool {
	return m.delimiter != "" && strings.EqualFold(m.prefix, "INBOX"+m.delimiter)
}

// escapeLevel escapes one level of a name. Blanks at its edges, an empty level, "." and ".." are names that some server
// refuses, or worse, resolves. "%" itself is escaped where it would be read as an escape.
func escapeLevel(level string, keep escape) string {
	if level == "" {
		return "%"
	}
	dots := strings.Trim(level, ".") == ""
	var b strings.Builder
	for i := 0; i < len(level); {
		r, size := utf8.DecodeRuneInString(level[i:])
		edge := i == 0 || i+size == len(level)
		switch {
		case r == utf8.RuneError && size == 1,
			r == '%' && (i+2 < len(level) && isHex(level[i+1]) && isHex(level[i+2]) || level == "%"),
			r == ' ' && edge,
			dots,
			!keep(r):
			for _, c := range []byte(level[i : i+size]) {
				fmt.Fprintf(&b, "%%%02X", c)
			}
		default:
			b.WriteString(level[i : i+size])
		}
		i += size
	}
	return b.String()
}

// unescapeLevel inverts escapeLevel.
func unescapeLevel(escaped string) string {
	if escaped == "%" {
		return ""
	}
	var b strings.Builder
	for i := 0; i < len(escaped); i++ {
		if escaped[i] == '%' && i+2 < len(escaped) && isHex(escaped[i+1]) && isHex(escaped[i+2]) {
			var c byte
			fmt.Sscanf(escaped[i+1:i+3], "%02X", &c)
			b.WriteByte(c)
			i += 2
			continue
		}
		b.WriteByte(escaped[i])
	}
	return b.String()
}

func isHex(c byte) bool { return '0' <= c && c <= '9' || 'A' <= c && c <= 'F' }

// newMapping chooses where on the target the personal mailboxes are.
func newMapping(spaces []mail.Namespace, listed []mail.Mailbox) mapping {
	for _, space := range spaces {
		if space.Kind == mail.Personal {
			return mapping{prefix: space.Prefix, delimiter: space.Delimiter}
		}
	}
	for _, box := range listed {
		return mapping{delimiter: box.Delimiter}
	}
	return mapping{delimiter: "/"}
}
