package chunk

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
)

// ID is the name of a chunk, or of other content that is hashed with a Key. IDs are comparable. The
// zero ID names nothing.
type ID [32]byte

// Prefix is the first half of an ID. 128 bits are enough to find a chunk among all chunks of a
// repository. The whole ID is checked when the chunk is read.
type Prefix [16]byte

// ErrNotID is the error of ParseID for text that is not an ID.
var ErrNotID = errors.New("not an ID: want 64 lower-case hexadecimal digits")

// String returns the ID as 64 lower-case hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// ParseID inverts String. It accepts only lower-case digits, so that an ID has one written form.
func ParseID(s string) (ID, error) {
	var id ID
	if len(s) != hex.EncodedLen(len(id)) {
		return ID{}, ErrNotID
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil || id.String() != s {
		return ID{}, ErrNotID
	}
	return id, nil
}

// Prefix returns the first half of the ID.
func (id ID) Prefix() Prefix { return Prefix(id[:16]) }

// IsZero reports whether the ID names nothing.
func (id ID) IsZero() bool { return id == ID{} }

// Compare orders IDs by their bytes, for slices.SortFunc.
func (id ID) Compare(other ID) int { return bytes.Compare(id[:], other[:]) }

// String returns the prefix as 32 lower-case hexadecimal digits.
func (p Prefix) String() string { return hex.EncodeToString(p[:]) }

// Compare orders prefixes by their bytes. Two prefixes that differ are in the order of their IDs.
func (p Prefix) Compare(other Prefix) int { return bytes.Compare(p[:], other[:]) }

// AppendText implements encoding.TextAppender.
func (id ID) AppendText(b []byte) ([]byte, error) { return hex.AppendEncode(b, id[:]), nil }

// MarshalText implements encoding.TextMarshaler. The text is that of String.
func (id ID) MarshalText() ([]byte, error) { return id.AppendText(nil) }

// UnmarshalText inverts MarshalText.
func (id *ID) UnmarshalText(text []byte) error {
	parsed, err := ParseID(string(text))
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}

var (
	_ fmt.Stringer  = ID{}
	_ fmt.Formatter = Key{}
)
