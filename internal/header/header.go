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

// Text is the value of a header's first field of that name, unfolded and with its encoded words decoded, for
// people to read (RFC 5322 section 2.2, RFC 2047). Headers are as people's programs made them: nothing is an error.
func Text(header []byte, name string) string {
	for text := range Texts(header, name) {
		return text
	}
	return ""
}

// Texts are the values of all fields of these names, as Text has them.
func Texts(header []byte, names ...string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for name, value := range Fields(header) {
			if slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) }) && !yield(decodeWords(value)) {
				return
			}
		}
	}
}

// Fields are the fields of a header or of a part's header, wherever their lines are in text; unfolded.
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

// decodeWords decodes a value's encoded words, where all of them can be.
func decodeWords(value string) string {
	value = utf8Text(value)
	if decoded, err := words.DecodeHeader(value); err == nil {
		return decoded
	}
	return value
}

// utf8Text takes bytes that are not UTF-8, and not encoded as they should be, for the character set that most mail of that
// kind was written in.
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
