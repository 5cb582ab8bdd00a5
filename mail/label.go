package mail

import (
	"fmt"
	"strings"
)

// LabelKeyword returns a keyword for a label of Gmail. Letters, digits and "-_./&+," stay, and other bytes become =XX, so
// that every server should accept the keyword (RFC 9051 section 9, flag-keyword). Decoding it as quoted-printable (RFC
// 2045 section 6.7) gives the label again.
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
