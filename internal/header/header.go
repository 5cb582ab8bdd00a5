// Package header reads the fields of message headers as people see them: unfolded (RFC 5322 section
// 2.2.3), with encoded words (RFC 2047) and parameters (RFC 2045, RFC 2231) decoded. Headers are as
// programs made them, so nothing is an error: what cannot be decoded stays as it is.
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
		wants := func(name string) bool {
			return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
		}
		for _, value := range fields(header, wants) {
			if !yield(decodeWords(value)) {
				return
			}
		}
	}
}

// Fields yields the names and the unfolded values of fields, wherever in the text their lines are.
// So it also finds the fields of MIME parts. Lines that are no fields are skipped.
func Fields(text []byte) iter.Seq2[string, string] {
	return fields(text, func(string) bool { return true })
}

// fields yields the fields whose names are wanted. It copies nothing of the others, which are most
// of a header.
func fields(text []byte, wants func(name string) bool) iter.Seq2[string, string] {
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
			if size, colon := fieldName(line); size > 0 && wants(string(line[:size])) {
				name = string(line[:size])
				value = append(value[:0], bytes.TrimSpace(line[colon+1:])...)
			}
		}
		flush()
	}
}

// IsField reports whether a line begins with the name of a field and a colon (RFC 5322 section
// 2.2). Blanks before the colon are obsolete syntax (section 4.5).
func IsField(line []byte) bool {
	size, _ := fieldName(line)
	return size > 0
}

// fieldName returns the size of the name with which a line begins, or 0, and where the colon is.
func fieldName(line []byte) (size, colon int) {
	colon = bytes.IndexByte(line, ':')
	size = max(0, colon)
	for size > 0 && (line[size-1] == ' ' || line[size-1] == '\t') {
		size--
	}
	for _, c := range line[:size] {
		if c <= ' ' || c >= 0x7f {
			return 0, 0
		}
	}
	return size, colon
}

// End returns where the empty line after a header begins, or -1 if the text has none.
func End(text []byte) int {
	for at := 0; at < len(text); {
		if text[at] == '\n' || bytes.HasPrefix(text[at:], []byte("\r\n")) {
			return at
		}
		size := bytes.IndexByte(text[at:], '\n') + 1
		if size == 0 {
			break
		}
		at += size
	}
	return -1
}

// LineEnd returns the last byte of the line ends of a text: LF, or CR if the first line ends with
// CR alone.
func LineEnd(text []byte) byte {
	line := text
	if i := bytes.IndexByte(text, '\n'); i >= 0 {
		line = text[:i]
	}
	if i := bytes.IndexByte(line, '\r'); i >= 0 && (i+1 < len(line) || len(line) == len(text)) {
		return '\r'
	}
	return '\n'
}

// Mark is the byte order mark that some editors and programs write before the first line of a file,
// and so before the first field of a message that was saved and imported. It is no part of the
// line.
const Mark = "\ufeff"

// Lines yields lines without their ends, and the first one without a [Mark].
func Lines(text []byte) iter.Seq[[]byte] {
	newline := LineEnd(text)
	return func(yield func([]byte) bool) {
		text := bytes.TrimPrefix(text, []byte(Mark))
		for len(text) > 0 {
			line := text
			if i := bytes.IndexByte(text, newline); i >= 0 {
				line, text = text[:i], text[i+1:]
			} else {
				text = nil
			}
			if !yield(trimEnds(line)) {
				return
			}
		}
	}
}

// trimEnds returns a line without CR and LF around it.
func trimEnds(line []byte) []byte {
	for len(line) > 0 && (line[len(line)-1] == '\r' || line[len(line)-1] == '\n') {
		line = line[:len(line)-1]
	}
	for len(line) > 0 && (line[0] == '\r' || line[0] == '\n') {
		line = line[1:]
	}
	return line
}

// Decode decodes a value that is unfolded already.
func Decode(value string) string { return decodeWords(value) }
