package charset

import (
	"bytes"
	"encoding/base64"
	"strings"
	"unicode/utf16"
)

// decodeUTF7 decodes UTF-7 (RFC 2152). Mailbox names have another form of it, which package mail
// decodes.
func decodeUTF7(text []byte) string {
	var b strings.Builder
	for {
		before, rest, shifted := bytes.Cut(text, []byte("+"))
		b.WriteString(utf8OrWindows(before))
		if !shifted {
			return b.String()
		}
		n := 0
		for n < len(rest) && isBase64(rest[n]) {
			n++
		}
		encoded := rest[:n]
		if text = rest[n:]; len(text) > 0 && text[0] == '-' {
			text = text[1:]
		}
		if n < 3 { // "+-", or a plus sign that should have been encoded
			b.WriteByte('+')
			b.Write(encoded)
			continue
		}
		b.WriteString(utf16Text(encoded))
	}
}

func isBase64(c byte) bool {
	return c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '+' || c == '/'
}

// utf16Text decodes base64 without padding of UTF-16 in network byte order. Bits after the last
// whole unit are padding.
func utf16Text(encoded []byte) string {
	if len(encoded)%4 == 1 {
		encoded = encoded[:len(encoded)-1]
	}
	decoded := make([]byte, base64.RawStdEncoding.DecodedLen(len(encoded)))
	n, _ := base64.RawStdEncoding.Decode(decoded, encoded)
	units := make([]uint16, 0, n/2)
	for i := 0; i+1 < n; i += 2 {
		units = append(units, uint16(decoded[i])<<8|uint16(decoded[i+1]))
	}
	return string(utf16.Decode(units))
}
