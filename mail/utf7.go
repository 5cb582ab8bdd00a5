package mail

import (
	"encoding/base64"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// mailboxBase64 is modified base64 (RFC 3501 section 5.1.3): "," instead of "/", and no padding.
var mailboxBase64 = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").
	WithPadding(base64.NoPadding)

// DecodeName decodes the name of a mailbox from modified UTF-7 (RFC 3501 section 5.1.3). It returns
// ok false for text that is not modified UTF-7. It returns UTF-8 unchanged, which some servers send
// (UTF8=ACCEPT, RFC 6855, or without being asked), because 8-bit bytes cannot occur in modified
// UTF-7.
func DecodeName(raw string) (name string, ok bool) {
	if strings.ContainsFunc(raw, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return raw, utf8.ValidString(raw)
	}
	var b strings.Builder
	for {
		plain, rest, shifted := strings.Cut(raw, "&")
		b.WriteString(plain)
		if !shifted {
			return b.String(), true
		}
		encoded, rest, closed := strings.Cut(rest, "-")
		if !closed {
			return "", false
		}
		if encoded == "" { // "&-" stands for "&"
			b.WriteByte('&')
		} else if !decodeShifted(&b, encoded) {
			return "", false
		}
		raw = rest
	}
}

// decodeShifted decodes the text between "&" and "-", which is UTF-16 in modified base64.
func decodeShifted(b *strings.Builder, encoded string) bool {
	units, err := mailboxBase64.DecodeString(encoded)
	if err != nil || len(units)%2 != 0 {
		return false
	}
	for i := 0; i < len(units); i += 2 {
		r := rune(units[i])<<8 | rune(units[i+1])
		if utf16.IsSurrogate(r) {
			if i += 2; i >= len(units) {
				return false
			}
			if r = utf16.DecodeRune(r, rune(units[i])<<8|rune(units[i+1])); r == utf8.RuneError {
				return false
			}
		}
		b.WriteRune(r)
	}
	return true
}

// EncodeName encodes the name of a mailbox in modified UTF-7 (RFC 3501 section 5.1.3). For properly
// encoded names it inverts DecodeName.
func EncodeName(name string) string {
	var b strings.Builder
	var shifted []rune
	flush := func() {
		if len(shifted) == 0 {
			return
		}
		var units []byte
		for _, u := range utf16.Encode(shifted) {
			units = append(units, byte(u>>8), byte(u))
		}
		b.WriteString("&" + mailboxBase64.EncodeToString(units) + "-")
		shifted = shifted[:0]
	}
	for _, r := range name {
		switch {
		case r < ' ' || r > '~':
			shifted = append(shifted, r)
			continue
		case r == '&':
			flush()
			b.WriteString("&-")
		default:
			flush()
			b.WriteRune(r)
		}
	}
	flush()
	return b.String()
}
