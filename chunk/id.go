// Package chunk names content and cuts it.
//
// A chunk is what a repository stores once. Its name is its ID: the BLAKE3-256
// hash of its bytes, keyed with a secret of the repository. The key is what
// keeps an ID from telling anything: without it nobody who sees the IDs can ask
// whether a message he knows is in the archive.
//
//	ID     = BLAKE3-256 keyed with Key, over the chunk's bytes   32 bytes
//	Prefix = the first 16 bytes of the ID, what an index stores
//
// Content of more than Min bytes is cut by a [Cutter] where its bytes, and not
// its offsets, say so; thus a body that comes back with something put before it
// shares its chunks with the earlier one.
package chunk

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
)

// ID is the name of a chunk, or of any other content hashed with the key of
// the repository. IDs are comparable; the zero ID names nothing.
type ID [32]byte

// Prefix is the first half of an ID. 128 bits are enough to find a chunk among
// all chunks of a repository; the whole ID is checked when the chunk is read.
type Prefix [16]byte

// ErrNotID is returned by ParseID for text that is not an ID.
var ErrNotID = errors.New("not an ID: 64 lower-case hexadecimal digits are expected")

// ParseID inverts String. It takes lower-case digits only, so that an ID has
// one written form.
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

// String returns the ID as 64 lower-case hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Prefix returns the first half of the ID.
func (id ID) Prefix() Prefix { return Prefix(id[:16]) }

// IsZero reports whether the ID names nothing.
func (id ID) IsZero() bool { return id == ID{} }

// Compare orders IDs by their bytes, as slices.SortFunc wants it.
func (id ID) Compare(other ID) int { return bytes.Compare(id[:], other[:]) }

// String returns the prefix as 32 lower-case hexadecimal digits.
func (p Prefix) String() string { return hex.EncodeToString(p[:]) }

// Compare orders prefixes by their bytes. Where two prefixes differ, their IDs
// are ordered as they are.
func (p Prefix) Compare(other Prefix) int { return bytes.Compare(p[:], other[:]) }

// AppendText implements encoding.TextAppender.
func (id ID) AppendText(b []byte) ([]byte, error) { return hex.AppendEncode(b, id[:]), nil }

// MarshalText implements encoding.TextMarshaler: --json prints IDs as String does.
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
