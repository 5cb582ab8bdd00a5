package pages

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"

	"golang.org/x/crypto/chacha20poly1305"
)

// PageSize is the size of a page, in bytes. Sealing costs some hundred nanoseconds beside the
// bytes, and an entry 44 bytes, so small pages are dear; large ones are dear to change.
const PageSize = 16 << 10

const (
	nonceSize = chacha20poly1305.NonceSizeX
	tagSize   = chacha20poly1305.Overhead
	entrySize = 4 + nonceSize + tagSize
)

// entry is where a page or a table is, and what proves it.
type entry struct {
	slot  uint32 // counted from 1; 0 if it was never written
	nonce [nonceSize]byte
	tag   [tagSize]byte
}

func (e *entry) append(to []byte) []byte {
	to = binary.BigEndian.AppendUint32(to, e.slot)
	return append(append(to, e.nonce[:]...), e.tag[:]...)
}

// parse inverts append.
func (e *entry) parse(from []byte) {
	e.slot = binary.BigEndian.Uint32(from)
	copy(e.nonce[:], from[4:])
	copy(e.tag[:], from[4+nonceSize:])
}

// What is sealed. A page does not open as a table.
const (
	sealedPage  = 'p'
	sealedTable = 't'
)

// sealer seals pages with XChaCha20-Poly1305. Its nonces are random, so that a crash cannot repeat
// one.
type sealer struct {
	aead   cipher.AEAD
	buffer [PageSize + tagSize]byte
}

func newSealer(key []byte) (*sealer, error) {
	aead, err := chacha20poly1305.NewX(key)
	return &sealer{aead: aead}, err
}

// additionalData returns what the tag covers beside the page: what it is, and its number.
func additionalData(kind byte, number uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{kind}, number)
}

// seal seals a page, sets the nonce and the tag of its entry, and returns the sealed bytes. The
// next call overwrites them.
func (s *sealer) seal(kind byte, number uint32, page []byte, e *entry) []byte {
	_, _ = rand.Read(e.nonce[:]) // never fails
	sealed := s.aead.Seal(s.buffer[:0], e.nonce[:], page, additionalData(kind, number))
	copy(e.tag[:], sealed[PageSize:])
	return sealed[:PageSize]
}

// open opens what was read into the buffer, and reports whether it is what the entry says. The next
// call overwrites the result.
func (s *sealer) open(kind byte, number uint32, e *entry) ([]byte, bool) {
	copy(s.buffer[PageSize:], e.tag[:])
	page, err := s.aead.Open(s.buffer[:0], e.nonce[:], s.buffer[:], additionalData(kind, number))
	return page, err == nil
}
