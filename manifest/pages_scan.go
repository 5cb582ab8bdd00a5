package manifest

import (
	"encoding/binary"
	"math"

	"github.com/mailstrata/mailstrata/chunk"
)

// scanPageList reads a page list in the deterministic encoding. It does not check the rows. ok is false for any other
// encoding. A search of all manifests reads a list of each mailbox for each night. The general decoder took a seventh of
// its time, because canonical encodes the rows again.
func scanPageList(b []byte) (pages []Page, ok bool) {
	s := scanner{rest: b}
	n := s.head(cborArray, maxListPages)
	if len(b) > MaxChunk || s.bad || n > uint64(len(s.rest))/minPageRow {
		return nil, false
	}
	pages = make([]Page, n)
	for i := range pages {
		p := &pages[i]
		if s.head(cborArray, 5) != 5 {
			return nil, false
		}
		p.Start = uint32(s.head(cborUint, math.MaxUint32))
		p.Bits = uint8(s.head(cborUint, math.MaxUint8))
		p.Messages = uint32(s.head(cborUint, math.MaxUint32))
		p.Records = s.id()
		p.Flags = s.id()
	}
	return pages, !s.bad && len(s.rest) == 0
}

const minPageRow = 1 + 3 + 2*(2+32) // bytes

// Major types (RFC 8949 section 3.1).
const (
	cborUint  = 0
	cborBytes = 2
	cborArray = 4
)

// scanner reads CBOR in the deterministic encoding. After it has met anything else, bad is set and it returns zeros.
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

// head returns the argument of the next head, which has a major type and an argument up to a limit in its shortest form.
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
