package imaprestore

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/mailstrata/mailstrata/mail"
)

// mapping maps archived mailboxes to names on a target. It replaces their namespace and delimiter
// with the target's, and writes characters that a name cannot hold as %XX or =XX, so that the name
// can be read back. Escapes are only for names that the target neither has nor takes: see
// preparation.
type mapping struct {
	prefix    string // raw, of the target's personal namespace
	delimiter string // of the target; "": no hierarchy
}

// spelling is a way to write names: the characters that a name keeps, and the sign that escapes the
// others.
type spelling struct {
	keep func(r rune) bool
	sign byte // before two hexadecimal digits
}

// spellings are the ways to write a name, the closest to the archived one first. Cyrus takes no "%"
// in a name.
func (m mapping) spellings() []spelling {
	return []spelling{{m.lenient, '%'}, {m.strict, '%'}, {m.strict, '='}}
}

// names returns a mailbox's raw names on the target, in the order in which they are tried:
// unescaped first.
func (m mapping) names(box *mail.Mailbox) []string {
	var names []string
	add := func(name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if name, ok := m.verbatim(box); ok {
		add(name)
	}
	for _, s := range m.spellings() {
		add(m.name(box, s))
	}
	if levels := m.levels(box); strings.EqualFold(levels[0], "INBOX") && !box.IsInbox() {
		// A server may take this for INBOX itself, at any level (Cyrus refuses INBOX.inbox).
		for _, s := range m.spellings() {
			first := s.escaped(levels[0][0]) + levels[0][1:]
			add(m.join(append([]string{first}, s.escapeAll(levels[1:])...)))
		}
	}
	return names
}

// verbatim returns a mailbox's name with nothing escaped. ok is false if the name cannot be sent,
// would have other levels, or has a level that some servers resolve, such as "..".
func (m mapping) verbatim(box *mail.Mailbox) (raw string, ok bool) {
	if box.IsInbox() {
		return "INBOX", true
	}
	levels := m.levels(box)
	for _, level := range levels {
		sendable := func(r rune) bool { return r >= ' ' && r != 0x7f && string(r) != m.delimiter }
		if strings.Trim(level, ".") == "" || !utf8.ValidString(level) ||
			strings.ContainsFunc(level, func(r rune) bool { return !sendable(r) }) {
			return "", false
		}
	}
	name := m.join(levels)
	return name, !strings.EqualFold(name, "INBOX")
}

// lenient escapes only what cannot be sent or would be misread. "%" and "*" are legal in a name,
// but cannot be distinguished from wildcards when it is listed.
func (m mapping) lenient(r rune) bool {
	return r >= ' ' && r != 0x7f && r != '*' && string(r) != m.delimiter
}

// strict is for servers that refused the name as it was: it keeps letters of all scripts, digits,
// and what every server takes. Not all servers read characters of two UTF-16 units (Courier).
func (m mapping) strict(r rune) bool {
	return r >= utf8.RuneSelf && r <= 0xffff && r != utf8.RuneError || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' ||
		'0' <= r && r <= '9' ||
		strings.ContainsRune(" -_", r) && string(r) != m.delimiter
}

// name returns a mailbox's raw name on the target, in one spelling.
func (m mapping) name(box *mail.Mailbox, s spelling) string {
	if box.IsInbox() {
		return "INBOX"
	}
	name := m.join(s.escapeAll(m.levels(box)))
	if strings.EqualFold(name, "INBOX") { // only the escapes made it this name
		name = s.escaped(name[0]) + name[1:]
	}
	return name
}

// levels returns the levels of a mailbox's name below the target's namespace.
func (m mapping) levels(box *mail.Mailbox) []string {
	levels := box.Path()
	if m.delimiter == "" {
		return []string{strings.Join(levels, box.Delimiter)}
	}
	if len(levels) > 1 && m.underInbox() && strings.EqualFold(levels[0], "INBOX") {
		return levels[1:] // INBOX.Sent on one such server is INBOX.Sent on the other
	}
	return levels
}

// join makes a raw name from levels.
func (m mapping) join(levels []string) string {
	return m.prefix + mail.EncodeName(strings.Join(levels, m.delimiter))
}

// underInbox reports whether all of the user's mailboxes are below INBOX, as on Courier and some
// Cyrus servers.
func (m mapping) underInbox() bool {
	return m.delimiter != "" && strings.EqualFold(m.prefix, "INBOX"+m.delimiter)
}

// escape escapes one level of a name. Blanks at its ends, an empty level, "." and ".." are names
// that some servers refuse or resolve. The sign is escaped if it would be read as an escape.
func (s spelling) escape(level string) string {
	sign := rune(s.sign)
	if level == "" {
		return string(sign)
	}
	dots := strings.Trim(level, ".") == ""
	var b strings.Builder
	for i := 0; i < len(level); {
		r, size := utf8.DecodeRuneInString(level[i:])
		edge := i == 0 || i+size == len(level)
		switch {
		case r == utf8.RuneError && size == 1,
			r == sign && (i+2 < len(level) && isHex(level[i+1]) && isHex(level[i+2]) || level == string(sign)),
			r == ' ' && edge,
			dots,
			!s.keep(r):
			for _, c := range []byte(level[i : i+size]) {
				b.WriteString(s.escaped(c))
			}
		default:
			b.WriteString(level[i : i+size])
		}
		i += size
	}
	return b.String()
}

// escapeAll escapes each level.
func (s spelling) escapeAll(levels []string) []string {
	escaped := make([]string, len(levels))
	for i, level := range levels {
		escaped[i] = s.escape(level)
	}
	return escaped
}

func (s spelling) escaped(c byte) string { return fmt.Sprintf("%c%02X", s.sign, c) }

func isHex(c byte) bool { return '0' <= c && c <= '9' || 'A' <= c && c <= 'F' }

// newMapping finds where on the target the personal mailboxes are.
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
