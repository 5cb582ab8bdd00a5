package header

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"github.com/mailstrata/mailstrata/mail/charset"
)

// decodeWords decodes the encoded words of a value (RFC 2047), wherever they are in it. A word that
// cannot be decoded stays as it is. One in a character set that does not exist is decoded if it is
// ASCII or UTF-8. Some programs cut a character of several bytes between two words, so the bytes of
// adjacent words in one character set are joined before they are decoded.
func decodeWords(value string) string {
	if !strings.Contains(value, "=?") {
		return utf8Text(value)
	}
	var b strings.Builder
	var pending []byte // of words in the character set, not decoded yet
	var set string
	flush := func() {
		if len(pending) > 0 {
			b.WriteString(charset.Decode(set, pending))
		}
		pending = pending[:0]
	}
	for {
		before, word, rest, ok := nextWord(value)
		if !ok {
			flush()
			b.WriteString(utf8Text(value))
			return b.String()
		}
		if len(pending) == 0 || strings.Trim(before, " \t\r\n") != "" {
			flush()
			b.WriteString(utf8Text(before))
		}
		if !strings.EqualFold(set, word.charset) {
			flush()
			set = word.charset
		}
		pending = append(pending, word.text...)
		value = rest
	}
}

// word is an encoded word: its character set without a language (RFC 2231 section 5), and its
// decoded bytes.
type word struct {
	charset string
	text    []byte
}

// nextWord finds the first encoded word that can be decoded, and what is before and after it.
func nextWord(value string) (before string, w word, after string, ok bool) {
	for from := 0; ; from += 2 {
		i := strings.Index(value[from:], "=?")
		if i < 0 {
			return "", word{}, "", false
		}
		from += i
		if w, size, ok := parseWord(value[from:]); ok {
			return value[:from], w, value[from+size:], true
		}
	}
}

// maxWord is the size of the largest encoded word that is decoded. RFC 2047 allows 75 bytes. Some
// programs write a whole value as one word.
const maxWord = 16 << 10

// parseWord reads the encoded word with which a text begins, and returns its size.
func parseWord(text string) (w word, size int, ok bool) {
	text = text[:min(len(text), maxWord)]
	set, rest, ok := strings.Cut(text[len("=?"):], "?")
	if !ok || len(rest) < 2 || rest[1] != '?' || strings.ContainsAny(set, " \t") {
		return word{}, 0, false
	}
	encoded, after, ok := strings.Cut(rest[2:], "?=")
	if !ok {
		return word{}, 0, false
	}
	w.charset, _, _ = strings.Cut(set, "*")
	switch rest[0] {
	case 'b', 'B':
		w.text = decodeB(encoded)
	case 'q', 'Q':
		w.text = decodeQ(encoded)
	default:
		return word{}, 0, false
	}
	if _, known := charset.Lookup(w.charset); !known && !utf8.Valid(w.text) {
		return word{}, 0, false // what else it could be is not known
	}
	return w, len(text) - len(after), true
}

// decodeB decodes base64 and skips what is not a part of it.
func decodeB(text string) []byte {
	data := strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '+' || r == '/' {
			return r
		}
		return -1
	}, text)
	if len(data)%4 == 1 {
		data = data[:len(data)-1]
	}
	decoded, _ := base64.RawStdEncoding.DecodeString(data)
	return decoded
}

// decodeQ decodes the Q encoding (RFC 2047 section 4.2). An equals sign that begins nothing stays
// as it is.
func decodeQ(text string) []byte {
	decoded := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '_':
			c = ' '
		case c == '=' && i+2 < len(text) && isHex(text[i+1]) && isHex(text[i+2]):
			c = hexValue(text[i+1])<<4 | hexValue(text[i+2])
			i += 2
		}
		decoded = append(decoded, c)
	}
	return decoded
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'F' || c >= 'a' && c <= 'f'
}

func hexValue(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	}
	return c - '0'
}

// utf8Text returns text that is not encoded as it should be.
func utf8Text(text string) string {
	if utf8.ValidString(text) {
		return text
	}
	return charset.Guess([]byte(text))
}
