package main

import (
	"bytes"
	"io"
	"mime"
	"strings"

	"golang.org/x/text/encoding/htmlindex"
)

// headerText is the value of a header's first field of that name, unfolded and with its encoded words decoded, for
// people to read (RFC 5322 section 2.2, RFC 2047). Headers are as people's programs made them: nothing is an error.
func headerText(header []byte, name string) string {
	value := field(header, name)
	if decoded, err := words.DecodeHeader(value); err == nil {
		return decoded
	}
	return value
}

// field finds a field and unfolds it.
func field(header []byte, name string) string {
	var value []byte
	found := false
	for line := range bytes.Lines(header) {
		line = bytes.TrimRight(line, "\r\n")
		folded := len(line) > 0 && (line[0] == ' ' || line[0] == '\t')
		switch {
		case found && !folded:
			return string(bytes.TrimSpace(value))
		case found:
			value = append(append(value, ' '), bytes.TrimSpace(line)...)
		case !folded && len(line) > len(name) && strings.EqualFold(string(line[:len(name)]), name) &&
			bytes.HasPrefix(bytes.TrimLeft(line[len(name):], " \t"), []byte(":")):
			found = true
			_, rest, _ := bytes.Cut(line, []byte(":"))
			value = append(value, bytes.TrimSpace(rest)...)
		}
	}
	return string(bytes.TrimSpace(value))
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
