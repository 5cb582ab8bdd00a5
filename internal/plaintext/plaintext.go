// Package plaintext decodes files that people write by hand. Editors and shells of Windows begin
// them with a byte order mark, or write UTF-16. A secret after an invisible character would look
// right and be wrong.
package plaintext

import (
	"bytes"
	"encoding/binary"
	"errors"
	"unicode/utf16"
)

var errOdd = errors.New("it looks like UTF-16, but ends in the middle of a character; save it as UTF-8")

// Decode returns the text as UTF-8, without a byte order mark. It does not change a text without a
// mark.
func Decode(text []byte) ([]byte, error) {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(text, []byte{0xef, 0xbb, 0xbf}):
		return text[3:], nil
	case bytes.HasPrefix(text, []byte{0xff, 0xfe}):
		order = binary.LittleEndian
	case bytes.HasPrefix(text, []byte{0xfe, 0xff}):
		order = binary.BigEndian
	default:
		return text, nil
	}
	text = text[2:]
	if len(text)%2 != 0 {
		return nil, errOdd
	}
	units := make([]uint16, len(text)/2)
	for i := range units {
		units[i] = order.Uint16(text[2*i:])
	}
	return []byte(string(utf16.Decode(units))), nil
}
