// Package charset decodes text of mail to UTF-8 from the character set that its sender named, or
// should have named.
//
//	Decode     text in a character set, whatever it is      charset.go
//	Lookup     names of character sets                      names.go
//	           UTF-7 (RFC 2152)                             utf7.go
//	           ISO-2022-KR and ISO-2022-CN (RFC 1557, 1922) iso2022.go
//
// Mail names character sets that do not exist, the wrong ones, or none. So nothing is an error:
// what cannot be decoded becomes U+FFFD, and a text whose character set is not known is UTF-8 if it
// looks like it, and else Windows-1252.
package charset

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
)

// Decode returns a text in UTF-8. name is that of the character set as mail has it, often empty.
func Decode(name string, text []byte) string {
	if isASCII(text) && bytes.IndexByte(text, escape) < 0 && isASCIICompatible(name) {
		return string(text)
	}
	decode, known := Lookup(name)
	if !known {
		return Guess(text)
	}
	return decode(text)
}

// Guess returns in UTF-8 a text whose character set is not known.
func Guess(text []byte) string {
	if isISO2022JP(text) {
		return decodeBy(japanese.ISO2022JP)(text)
	}
	return utf8OrWindows(text)
}

const escape = 0x1b

// isISO2022JP reports whether a text has an escape sequence that switches to Japanese (RFC 1468),
// and no 8-bit characters. Programs sent such text without its name for many years.
func isISO2022JP(text []byte) bool {
	for rest := text; ; {
		i := bytes.IndexByte(rest, escape)
		if i < 0 || len(rest) < i+3 {
			return false
		}
		rest = rest[i+1:]
		if s := string(rest[:2]); s == "$B" || s == "$@" {
			return isASCII(text)
		}
	}
}

// utf8OrWindows reads a text as UTF-8, unless it has more bytes that cannot be UTF-8 than
// characters that can be nothing else. Then it is Windows-1252. So one damaged byte does not change
// all the others.
func utf8OrWindows(text []byte) string {
	if utf8.Valid(text) {
		return string(text)
	}
	characters, invalid := 0, 0
	for rest := text; len(rest) > 0; {
		if rest[0] < utf8.RuneSelf {
			rest = rest[1:]
			continue
		}
		r, size := utf8.DecodeRune(rest)
		if r == utf8.RuneError && size == 1 {
			invalid++
		} else {
			characters++
		}
		rest = rest[size:]
	}
	if characters >= invalid {
		return strings.ToValidUTF8(string(text), "\uFFFD")
	}
	return decodeBy(charmap.Windows1252)(text)
}

func isASCII(text []byte) bool {
	for len(text) >= 8 {
		if (text[0]|text[1]|text[2]|text[3]|text[4]|text[5]|text[6]|text[7])&0x80 != 0 {
			return false
		}
		text = text[8:]
	}
	for _, c := range text {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
