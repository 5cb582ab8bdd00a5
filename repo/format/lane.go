package format

import (
	"fmt"

	"github.com/mailstrata/mailstrata/chunk"
)

// Lane is a kind of content. Chunks of one lane are compressed together: headers compress well
// beside headers, and badly with a photograph between them.
type Lane uint8

// The lanes. Part of the durable format.
const (
	LaneHeader  Lane = iota // Header parts
	LaneText                // Text parts, and Base64 parts that are text
	LaneBody                // other Base64 parts, decoded
	LaneCatalog             // pages, lists and tables

	Lanes = iota
)

// Kind returns the kind of pack that holds the lane.
func (l Lane) Kind() Kind {
	if l == LaneCatalog {
		return KindCatalog
	}
	return KindData
}

// maxChunk bounds the size of a chunk. Part of the durable format.
const maxChunk = 4 << 20

// LaneRow describes which chunks a frame of a pack holds, in a pack's table.
type LaneRow struct {
	_        struct{} `cbor:",toarray"`
	Lane     Lane
	Prefixes []byte // 16 bytes each
	Lengths  []uint32
}

// Prefix returns the prefix of chunk i.
func (l *LaneRow) Prefix(i int) chunk.Prefix { return chunk.Prefix(l.Prefixes[i*16:]) }

// check reports whether the row can describe a frame of length bytes in a pack of a kind.
func (l *LaneRow) check(kind Kind, length uint32) error {
	if l.Lane >= Lanes || l.Lane.Kind() != kind {
		return Damaged("lane %d in a %s pack", l.Lane, kind)
	}
	if len(l.Lengths) == 0 || len(l.Prefixes) != 16*len(l.Lengths) {
		return Damaged("%d bytes of prefixes for %d chunks", len(l.Prefixes), len(l.Lengths))
	}
	sum := uint64(0)
	for _, n := range l.Lengths {
		if n == 0 || n > maxChunk {
			return Damaged("a chunk of %d bytes", n)
		}
		sum += uint64(n)
	}
	if sum != uint64(length) {
		return Damaged("chunks of %d bytes in a frame of %d", sum, length)
	}
	return nil
}

// CheckChunk reports whether the format allows a chunk of data in a lane.
func CheckChunk(lane Lane, data []byte) error {
	if lane >= Lanes {
		return fmt.Errorf("there is no lane %d", lane)
	}
	if len(data) == 0 || len(data) > maxChunk {
		return fmt.Errorf("a chunk of %d bytes: the format takes 1 byte to %d", len(data), maxChunk)
	}
	return nil
}
