package mail

import (
	"fmt"
	"strings"
)

// LabelKeyword returns a keyword for a label of Gmail. Letters, digits and "-_./&+," stay, and other bytes become =XX,
// so that every server should accept the keyword (RFC 9051 section 9, flag-keyword). KeywordLabel inverts it.
func LabelKeyword(label string) string {
	var b strings.Builder
	for _, c := range []byte(label) {
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-_./&+,", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "=%02X", c)
		}
	}
	return b.String()
}

// KeywordLabel inverts LabelKeyword. It returns ok false for a keyword that LabelKeyword does not return.
func KeywordLabel(keyword string) (label string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(keyword); i++ {
		c := keyword[i]
		if c == '=' {
			if n, err := fmt.Sscanf(keyword[i+1:min(i+3, len(keyword))], "%02X", &c); n != 1 || err != nil {
				return "", false
			}
			i += 2
		}
		b.WriteByte(c)
	}
	return b.String(), LabelKeyword(b.String()) == keyword
}
