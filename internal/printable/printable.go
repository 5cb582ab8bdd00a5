// Package printable makes what a server says fit for an error message. A server can say anything:
// in a terminal, control characters could forge what the program prints.
package printable

import "strings"

// maxLength bounds a text, in characters.
const maxLength = 300

// Text returns a text of a server as one line without control characters, which has at most 300
// characters. The ends of lines become spaces.
func Text(text string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\r', r == '\t':
			return ' '
		case r < ' ', 0x7f <= r && r < 0xa0:
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if runes := []rune(clean); len(runes) > maxLength {
		return string(runes[:maxLength]) + "…"
	}
	return clean
}
