// Package header reads the fields of message headers as people see them: unfolded (RFC 5322 section 2.2.3), with encoded words
// (RFC 2047) and parameters (RFC 2045, RFC 2231) decoded. Headers are as programs made them, so nothing is an error: what cannot
// be decoded stays as it is.
package header

import (
	"bytes"
	"io"
	"iter"
	"mime"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
)

// Text returns the decoded value of the first field of that name, or an empty string.
func Text(header []byte, name string) string {
	for text := range Texts(header, name) {
		return text
	}
	return ""
}

// Texts yields the decoded values of all fields of these names.
func Texts(header []byte, names ...string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for name, value := range Fields(header) {
			if slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) }) && !yield(decodeWords(value)) {
				return
			}
		}
	}
}

// Fields yields the names and the unfolded values of fields, wherever in the text their lines are. So it also finds the fields of
// MIME parts.
func Fields(text []byte) iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		var name string
		var value []byte
		flush := func() bool {
			n := name
			name = ""
			return n == "" || yield(n, string(bytes.TrimSpace(value)))
		}
		for line := range bytes.Lines(text) {
			line = bytes.TrimRight(line, "\r\n")
			if len(line) > 0 && (line[0] == ' ' || line[0] == '\t') {
				if name != "" {
					value = append(append(value, ' '), bytes.TrimSpace(line)...)
				}
				continue
			}
			if !flush() {
				return
			}
			if before, after, ok := bytes.Cut(line, []byte(":")); ok {
				name = string(bytes.TrimRight(before, " \t"))
				value = append(value[:0], bytes.TrimSpace(after)...)
			}
		}
		flush()
	}
}

// decodeWords decodes the encoded words of a value, or returns it as it is if one cannot be decoded.
func decodeWords(value string) string {
	value = utf8Text(value)
	if decoded, err := words.DecodeHeader(value); err == nil {
		return decoded
	}
	return value
}

// utf8Text returns text that is not UTF-8, and not encoded as it should be, as if it were in the character set of most mail of
// that kind, Windows-1252.
func utf8Text(text string) string {
	if utf8.ValidString(text) {
		return text
	}
	decoded, err := charmap.Windows1252.NewDecoder().String(text)
	if err != nil {
		return text
	}
	return decoded
}

// words decodes encoded words in the character sets that mail has been written in.
var words = mime.WordDecoder{
	CharsetReader: func(charset string, input io.Reader) (io.Reader, error) {
		encoding, err := htmlindex.Get(charset)
		if err != nil {
			return nil, err
		}
		return encoding.NewDecoder().Reader(input), nil
	},
}
