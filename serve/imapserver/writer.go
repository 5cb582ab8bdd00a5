package imapserver

import (
	"bufio"
	"strconv"
	"strings"
	"unicode/utf8"
)

// writer writes responses.
type writer struct{ *bufio.Writer }

// line writes a line.
func (w *writer) line(text string) {
	w.WriteString(text)
	w.WriteString("\r\n")
}

// quote returns a quoted string. The text must be quotable.
func quote(s string) string { return `"` + quoting.Replace(s) + `"` }

var quoting = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// isQuotable reports whether a text can be a quoted string (RFC 3501 section 9: TEXT-CHAR).
func isQuotable(s string) bool {
	if len(s) > 1000 {
		return false
	}
	for _, c := range []byte(s) {
		if c == 0 || c == '\r' || c == '\n' || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// appendString appends a string, quoted or as a literal. NUL, which no string may have, becomes a
// question mark.
func appendString(b []byte, s string) []byte {
	if isQuotable(s) {
		b = append(b, '"')
		for _, c := range []byte(s) {
			if c == '"' || c == '\\' {
				b = append(b, '\\')
			}
			b = append(b, c)
		}
		return append(b, '"')
	}
	b = append(b, '{')
	b = strconv.AppendInt(b, int64(len(s)), 10)
	b = append(b, "}\r\n"...)
	return append(b, strings.ReplaceAll(s, "\x00", "?")...)
}

// appendNString appends a string, or NIL for an empty one.
func appendNString(b []byte, s string) []byte {
	if s == "" {
		return append(b, "NIL"...)
	}
	return appendString(b, s)
}

// astring returns a text as an astring.
func astring(s string) string {
	if s != "" && isAtom(s) {
		return s
	}
	return string(appendString(nil, s))
}

// isAtom reports whether a text is an atom.
func isAtom(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`(){%*"\]`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

// printable makes one line of ASCII of a text for people: the text of a response has no other
// characters in IMAP4rev1.
func printable(text string) string {
	const enough = 400
	clean := strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			return ' '
		case r < ' ' || r >= 0x7f:
			return '?'
		}
		return r
	}, text)
	return strings.TrimLeft(clean[:min(len(clean), enough)], "[") // which would begin a code
}
