// Package safename writes the levels of mailbox names as names for directories, so that they can be read back.
//
// A mailbox may be called "..", "a/b" or "CON", or have a name that is no text at all. On disk such a level becomes
// something that every file system takes, that a shell does not mind, and that is a proper mailbox name in its turn,
// because mail servers may serve the directories:
//
//	letters beyond ASCII    modified UTF-7 (RFC 3501 section 5.1.3), as servers keep them: "Entwürfe" is "Entw&APw-rfe"
//	&                       &- (likewise)
//	an escaped byte         % and two hexadecimal digits, upper case
//	%                       itself; escaped only where two hexadecimal digits follow it, in either case
//	an empty level          % alone; a level "%" is escaped
//	all else                itself
//
// Escaped are: control characters; / \ : * ? " < > |, which some file system refuses, or IMAP takes for a wildcard;
// bytes that are not UTF-8; a dot or a blank at either end; a ~ at the beginning; and what a Style asks for besides.
// Dovecot's plugin listescape, set to listescape_char = "%", shows the names as they were before.
package safename

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Style says what is escaped besides.
type Style struct {
	Dots     bool                    // every dot: it stands between levels
	Reserved func(level string) bool // names, in lower case, that a level must not have; nil: none
}

// Encode writes a level. Decode inverts it.
func (s Style) Encode(level string) string {
	if level == "" {
		return "%"
	}
	w := writer{}
	from := 0
	if s.Reserved != nil && s.Reserved(strings.ToLower(level)) {
		w.escape(level[:1])
		from = 1
	}
	w.level(s, level, from)
	return w.String()
}

// writer holds back what goes into one stretch of base64.
type writer struct {
	strings.Builder
	shifted []rune
}

func (w *writer) level(s Style, level string, from int) {
	for i := from; i < len(level); {
		r, size := utf8.DecodeRuneInString(level[i:])
		if r == utf8.RuneError && size == 1 || s.escapes(level, i) {
			w.escape(level[i : i+size])
		} else {
			w.letter(r)
		}
		i += size
	}
	w.unshift()
}

// letter writes a rune as modified UTF-7 has it.
func (w *writer) letter(r rune) {
	if r >= utf8.RuneSelf {
		w.shifted = append(w.shifted, r)
		return
	}
	w.unshift()
	w.WriteByte(byte(r))
	if r == '&' {
		w.WriteByte('-')
	}
}

// escapes reports whether the ASCII character at i of the level is escaped.
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
		return level == "%" || i+2 < len(level) && isHex(level[i+1]) && isHex(level[i+2])
	}
	return c < ' '
}

const upperHex = "0123456789ABCDEF"

func (w *writer) escape(octets string) {
	w.unshift()
	for _, c := range []byte(octets) {
		w.Write([]byte{'%', upperHex[c>>4], upperHex[c&15]})
	}
}

// unshift ends a stretch of base64.
func (w *writer) unshift() {
	if len(w.shifted) == 0 {
		return
	}
	var octets []byte
	for _, unit := range utf16.Encode(w.shifted) {
		octets = append(octets, byte(unit>>8), byte(unit))
	}
	w.WriteString("&" + modifiedBase64.EncodeToString(octets) + "-")
	w.shifted = w.shifted[:0]
}

// modifiedBase64 has a comma in place of the slash.
var modifiedBase64 = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").WithPadding(base64.NoPadding)

// Decode reads a level. What Encode would not have written is taken as it stands.
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

// next decodes what an encoded level begins with.
func next(encoded string) (text string, size int) {
	switch encoded[0] {
	case '%':
		if len(encoded) > 2 && isHex(encoded[1]) && isHex(encoded[2]) {
			return string([]byte{unhex(encoded[1])<<4 | unhex(encoded[2])}), 3
		}
	case '&':
		shifted, _, closed := strings.Cut(encoded[1:], "-")
		if closed && shifted == "" {
			return "&", 2
		}
		if text, ok := decodeShifted(shifted); ok && closed {
			return text, len(shifted) + 2
		}
	}
	return encoded[:1], 1
}

// decodeShifted decodes what stands between "&" and "-".
func decodeShifted(shifted string) (string, bool) {
	octets, err := modifiedBase64.DecodeString(shifted)
	if err != nil || len(octets)%2 != 0 {
		return "", false
	}
	var units []uint16
	for i := 0; i < len(octets); i += 2 {
		units = append(units, uint16(octets[i])<<8|uint16(octets[i+1]))
	}
	return string(utf16.Decode(units)), true
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

// longest is how many bytes file systems take for one name.
const longest = 255

// cutMark stands before the hash in a name that was cut. No other name has it: "-" is never escaped.
const cutMark = "%2D"

// Shorten makes an encoded name fit, if it is too long for a file system: it is cut, and ends in a hash of the whole.
func Shorten(encoded string) string {
	if len(encoded) <= longest {
		return encoded
	}
	sum := sha256.Sum256([]byte(encoded))
	end := cutMark + hex.EncodeToString(sum[:16])
	return cut(encoded, longest-len(end)) + end
}

// ModifiedUTF7 is how a level is written where nothing of it is escaped.
func ModifiedUTF7(level string) string {
	w := writer{}
	for _, r := range level {
		w.letter(r)
	}
	w.unshift()
	return w.String()
}

// IsDevice reports whether Windows takes a name in lower case for a device, whatever its extension.
func IsDevice(name string) bool {
	name, _, _ = strings.Cut(name, ".")
	name = strings.TrimRight(name, " ")
	switch name {
	case "con", "prn", "aux", "nul", "conin$", "conout$":
		return true
	}
	return len(name) == 4 && (name[:3] == "com" || name[:3] == "lpt") && '0' <= name[3] && name[3] <= '9'
}

func isHex(c byte) bool { return '0' <= c && c <= '9' || 'A' <= c && c <= 'F' || 'a' <= c && c <= 'f' }

func unhex(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	}
	return c - '0'
}
