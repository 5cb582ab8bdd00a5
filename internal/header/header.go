// Package header reads the fields of message headers as people see them: unfolded (RFC 5322 section 2.2.3), with encoded words
// (RFC 2047) and parameters (RFC 2045, RFC 2231) decoded. Headers are as programs made them, so nothing is an error: what cannot
// be decoded stays as it is.
package header

import (
	"bytes"
	"iter"
	"slices"
	"strings"
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
// MIME parts. Lines that are no fields are skipped.
func Fields(text []byte) iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		var name string
		var value []byte
		flush := func() bool {
			n := name
			name = ""
			return n == "" || yield(n, string(bytes.TrimSpace(value)))
		}
		for line := range Lines(text) {
			if len(line) > 0 && (line[0] == ' ' || line[0] == '\t') {
				if name != "" {
					value = append(append(value, ' '), bytes.TrimSpace(line)...)
				}
				continue
			}
			if !flush() {
				return
			}
			if IsField(line) {
				before, after, _ := bytes.Cut(line, []byte(":"))
				name = string(bytes.TrimRight(before, " \t"))
				value = append(value[:0], bytes.TrimSpace(after)...)
			}
		}
		flush()
	}
}

// IsField reports whether a line begins with the name of a field and a colon (RFC 5322 section 2.2). Blanks before the colon
// are obsolete syntax (section 4.5).
func IsField(line []byte) bool {
	colon := bytes.IndexByte(line, ':')
	if colon < 0 {
		return false
	}
	name := bytes.TrimRight(line[:colon], " \t")
	for _, c := range name {
		if c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return len(name) > 0
}

// LineEnd returns the last byte of the line ends of a text: LF, or CR if the first line ends with CR alone.
func LineEnd(text []byte) byte {
	if i := bytes.IndexAny(text, "\r\n"); i >= 0 && text[i] == '\r' && (i+1 == len(text) || text[i+1] != '\n') {
		return '\r'
	}
	return '\n'
}

// Lines yields lines without their ends.
func Lines(text []byte) iter.Seq[[]byte] {
	newline := []byte{LineEnd(text)}
	return func(yield func([]byte) bool) {
		for len(text) > 0 {
			var line []byte
			line, text, _ = bytes.Cut(text, newline)
			if !yield(bytes.Trim(line, "\r\n")) {
				return
			}
		}
	}
}

// Decode decodes a value that is unfolded already.
func Decode(value string) string { return decodeWords(value) }
