package manifest

import (
	"encoding/binary"

	"github.com/mailstrata/mailstrata/chunk"
)

// Major types (RFC 8949 section 3.1).
const (
	cborUint     = 0
	cborNegative = 1
	cborBytes    = 2
	cborArray    = 4
	cborMap      = 5
)

const cborTrue = 0xf5 // RFC 8949 section 3.3

// scanner reads CBOR in the deterministic encoding. After it has met anything else, bad is set and
// it returns zeros.
type scanner struct {
	rest []byte
	bad  bool
}

// take returns the next n bytes.
func (s *scanner) take(n int) []byte {
	if s.bad || n > len(s.rest) {
		s.bad = true
		return nil
	}
	taken := s.rest[:n]
	s.rest = s.rest[n:]
	return taken
}

// head returns the argument of the next head, which has a major type and an argument up to a limit
// in its shortest form.
func (s *scanner) head(major byte, limit uint64) (argument uint64) {
	first := s.take(1)
	if s.bad || first[0]>>5 != major {
		s.bad = true
		return 0
	}
	least := uint64(0) // that needs this form
	switch info := first[0] & 31; {
	case info < 24:
		argument = uint64(info)
	case info == 24:
		if b := s.take(1); b != nil {
			argument, least = uint64(b[0]), 24
		}
	case info == 25:
		if b := s.take(2); b != nil {
			argument, least = uint64(binary.BigEndian.Uint16(b)), 1<<8
		}
	case info == 26:
		if b := s.take(4); b != nil {
			argument, least = uint64(binary.BigEndian.Uint32(b)), 1<<16
		}
	default: // nothing here needs more
		s.bad = true
	}
	if s.bad || argument < least || argument > limit {
		s.bad = true
		return 0
	}
	return argument
}

// id returns the next byte string, which has the length of an ID.
func (s *scanner) id() (id chunk.ID) {
	if s.head(cborBytes, uint64(len(id))) != uint64(len(id)) {
		s.bad = true
		return id
	}
	copy(id[:], s.take(len(id)))
	return id
}

// integer returns the next integer, whose argument is up to a limit.
func (s *scanner) integer(limit uint64) int64 {
	if len(s.rest) > 0 && s.rest[0]>>5 == cborNegative {
		return -1 - int64(s.head(cborNegative, limit))
	}
	return int64(s.head(cborUint, limit))
}

// bytes returns the next byte string, up to a length.
func (s *scanner) bytes(limit int) []byte {
	return s.take(int(s.head(cborBytes, uint64(limit))))
}
