package manifest

import (
	"math"

	"github.com/mailstrata/mailstrata/chunk"
)

// scanPageList reads a page list in the deterministic encoding. It does not check the rows. ok is
// false for any other encoding. A search of all manifests reads a list of each mailbox for each
// night. The general decoder took a seventh of its time, because canonical encodes the rows again.
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

// scanListGroup reads a list group, as scanPageList reads a list.
func scanListGroup(b []byte) (lists []chunk.ID, ok bool) {
	s := scanner{rest: b}
	n := s.head(cborArray, maxGroupLists)
	if s.bad || n*idBytes != uint64(len(s.rest)) {
		return nil, false
	}
	lists = make([]chunk.ID, n)
	for i := range lists {
		lists[i] = s.id()
	}
	return lists, !s.bad
}

// Bytes of the encoding.
const (
	idBytes    = 2 + 32
	minPageRow = 1 + 3 + 2*idBytes
)
