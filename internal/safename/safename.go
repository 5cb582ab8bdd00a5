// Package safename encodes the levels of mailbox names as names for directories, and decodes them.
//
// A mailbox can be called "..", "a/b" or "CON", or have a name that is not text. The encoded level
// is valid on every file system, has no meaning in a shell, and is a valid mailbox name itself,
// because mail servers may serve the directories:
//
//	letters beyond ASCII    modified UTF-7 (RFC 3501 section 5.1.3), as servers keep them: "Entwürfe" is "Entw&APw-rfe"
//	&                       &- (likewise)
//	an escaped byte         % and two upper-case hexadecimal digits
//	%                       itself; escaped only before two hexadecimal digits of either case
//	an empty level          % alone; a level "%" is escaped
//	anything else           itself
//
// With Style.UTF8, for directories that people read and no mail server does, letters beyond ASCII
// and & are themselves, as long as the name is in NFC and shows what it is: spaces other than that
// of ASCII, and characters that cannot be seen, are escaped, and so is an & that begins what Decode
// would decode.
//
// These bytes are escaped: control characters; / \ : * ? " < > |, which some file systems refuse or
// IMAP uses as wildcards; bytes that are not UTF-8; a dot or a space at either end; a ~ at the
// beginning; and what a Style adds. Dovecot's plugin listescape with listescape_char = "%" shows
// the original names.
package safename

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/mailstrata/mailstrata/mail"
)

// Style says what else is escaped.
type Style struct {
	Dots     bool                    // every dot, because dots separate levels
	UTF8     bool                    // only what people cannot read, and no letter beyond ASCII that they can
	Reserved func(level string) bool // reports whether a level, in lower case, is a reserved name; nil: none is
}

// Encode encodes a level. Decode inverts it.
func (s Style) Encode(level string) string {
	if level == "" {
		return "%"
	}
	reserved := s.Reserved != nil && s.Reserved(strings.ToLower(level))
	encode := mail.EncodeName
	if s.UTF8 = s.UTF8 && norm.NFC.IsNormalString(level); s.UTF8 { // some file systems make other names equal to those in NFC
		encode = func(text string) string { return text }
	}
	var b strings.Builder
	plain := 0 // level[plain:i] is not encoded yet and has nothing to escape
	for i := 0; i < len(level); {
		r, size := utf8.DecodeRuneInString(level[i:])
		if r == utf8.RuneError && size == 1 || s.escapes(level, i) || s.UTF8 && !isReadable(r, level[i:]) ||
			reserved && i == 0 {
			b.WriteString(encode(level[plain:i]))
			if reserved && i == 0 {
				size = 1
			}
			escape(&b, level[i:i+size])
			plain = i + size
		}
		i += size
	}
	b.WriteString(encode(level[plain:]))
	return b.String()
}

// EncodeReserved encodes a level that is a reserved name where it is.
func EncodeReserved(level string) string {
	return Style{Reserved: func(string) bool { return true }}.Encode(level)
}

// escapes reports whether the byte at i of the level is escaped.
func (s Style) escapes(level string, i int) bool {
	c, edge := level[i], i == 0 || i == len(level)-1
	switch c {
	case '/', '\\', ':', '*', '?', '"', '<', '>', '|', 0x7f:
		return true
	case '.':
		return s.Dots || edge
	case ' ':
		return edge
	case '~':
		return i == 0
	case '%':
		_, ambiguous := unescape(level[i:])
		return ambiguous || level == "%"
	}
	return c < ' '
}

// isReadable reports whether a character can stay as it is in a name of UTF-8. level begins with
// it.
func isReadable(r rune, level string) bool {
	switch {
	case r == '&':
		_, size := next(level)
		return size == 1
	case r < utf8.RuneSelf:
		return true
	}
	return unicode.IsPrint(r)
}

func escape(b *strings.Builder, octets string) {
	for _, c := range []byte(octets) {
		fmt.Fprintf(b, "%%%02X", c)
	}
}

// unescape returns the byte of the escape with which s begins, or ok false if it begins with none.
// It inverts escape.
func unescape(s string) (octet string, ok bool) {
	if len(s) < 3 || s[0] != '%' {
		return "", false
	}
	octets, err := hex.DecodeString(s[1:3])
	return string(octets), err == nil
}

// Decode inverts Encode. It leaves text that Encode does not return unchanged.
func Decode(encoded string) string {
	if encoded == "%" {
		return ""
	}
	var b strings.Builder
	for i := 0; i < len(encoded); {
		text, size := next(encoded[i:])
		b.WriteString(text)
		i += size
	}
	return b.String()
}

// next decodes the beginning of an encoded level: an escape, a shifted sequence, or a character.
func next(encoded string) (text string, size int) {
	switch encoded[0] {
	case '%':
		if octet, ok := unescape(encoded); ok {
			return octet, 3
		}
	case '&':
		if end := strings.IndexByte(encoded, '-'); end > 0 {
			if text, ok := mail.DecodeName(encoded[:end+1]); ok {
				return text, end + 1
			}
		}
	}
	_, size = utf8.DecodeRuneInString(encoded)
	return encoded[:size], size
}

// cut shortens an encoded name to at most n bytes, without cutting through an escape.
func cut(encoded string, n int) string {
	for i := 0; i < len(encoded); {
		_, size := next(encoded[i:])
		if i+size > n {
			return encoded[:i]
		}
		i += size
	}
	return encoded
}

// longest is the most bytes that file systems accept in a name.
const longest = 255

// cutMark stands before the hash in a name that was cut. No other name has it, because "-" is never
// escaped.
const cutMark = "%2D"

// Shorten returns an encoded name that file systems accept. A name that is too long is cut and ends
// with a hash of all of it.
func Shorten(encoded string) string { return ShortenTo(encoded, longest) }

// ShortenTo is Shorten for a name of at most n bytes, 100 or more.
func ShortenTo(encoded string, n int) string {
	if len(encoded) <= n {
		return encoded
	}
	sum := sha256.Sum256([]byte(encoded))
	end := cutMark + hex.EncodeToString(sum[:16])
	return cut(encoded, n-len(end)) + end
}

// IsDevice reports whether a name in lower case, with any extension, is a device on Windows.
func IsDevice(name string) bool {
	name, _, _ = strings.Cut(name, ".")
	name = strings.TrimRight(name, " ")
	switch name {
	case "con", "prn", "aux", "nul", "conin$", "conout$":
		return true
	}
	port := strings.TrimPrefix(strings.TrimPrefix(name, "com"), "lpt")
	return len(name)-len(port) == 3 && utf8.RuneCountInString(port) == 1 && strings.ContainsAny(port, "0123456789¹²³")
}
