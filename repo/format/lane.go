package format

import (
	"fmt"

	"github.com/klauspost/compress/zstd"
	"github.com/mailstrata/mailstrata/chunk"
)

// Lane is a kind of content. Chunks of one lane are compressed together: headers help headers, and a photograph does
// not stand between two of them.
type Lane uint8

// The lanes. Part of the durable format.
const (
	LaneHeader  Lane = iota // Header parts
	LaneText                // Text parts, and Base64 parts that are text
	LaneBody                // other Base64 parts, decoded
	LaneCatalog             // pages, lists and tables

	Lanes     = iota
	DataLanes = Lanes - 1
)

// kind of pack that holds the lane.
func (l Lane) Kind() Kind {
	if l == LaneCatalog {
		return KindCatalog
	}
	return KindData
}

// packChunks closes a pack that holds more chunks: its table must stay small.
const PackChunks = 1 << 16

// maxChunk is the size of the largest chunk. Part of the durable format.
const maxChunk = 4 << 20

// frameTargets is how much content closes a frame. Large frames are smaller in all (of list mail's text 4 MiB make 5 %
// less than 1 MiB), but each costs its memory while it is filled, and is decoded whole for one message. A frame that is
// damaged costs all messages that have a chunk in it. With headers these are thousands, so their frames are smaller.
var frameTargets = [Lanes]int{
	LaneHeader:  2 << 20,
	LaneText:    4 << 20,
	LaneBody:    4 << 20,
	LaneCatalog: 1 << 20,
}

// frameLevel is within 3 % of the best at five times its speed, and unlike the faster levels takes a quarter off base64
// text that was not decoded. On content that was compressed before it is as fast as they are, and a percent smaller.
const frameLevel = zstd.SpeedBetterCompression

// rawFrame is a frame that is being filled.
type RawFrame struct {
	Lane     Lane
	Content  []byte
	Prefixes []chunk.Prefix
	lengths  []uint32
}

func (f *RawFrame) Add(p chunk.Prefix, data []byte) {
	if f.Content == nil {
		f.Content = make([]byte, 0, frameTargets[f.Lane]+chunk.Max)
	}
	f.Content = append(f.Content, data...)
	f.Prefixes = append(f.Prefixes, p)
	f.lengths = append(f.lengths, uint32(len(data)))
}

func (f *RawFrame) Full() bool {
	return len(f.Content) >= frameTargets[f.Lane] || len(f.Prefixes) >= PackChunks
}

func (f *RawFrame) Reset(l Lane) {
	f.Lane, f.Content, f.Prefixes, f.lengths = l, f.Content[:0], f.Prefixes[:0], f.lengths[:0]
}

// row describes the frame in a pack's table.
func (f *RawFrame) Row() LaneRow {
	row := LaneRow{Lane: f.Lane, Prefixes: make([]byte, 0, len(f.Prefixes)*16), Lengths: append([]uint32(nil), f.lengths...)}
	for _, p := range f.Prefixes {
		row.Prefixes = append(row.Prefixes, p[:]...)
	}
	return row
}

// laneRow says which chunks a frame of a pack holds.
type LaneRow struct {
	_        struct{} `cbor:",toarray"`
	Lane     Lane
	Prefixes []byte // 16 bytes each
	Lengths  []uint32
}

func (l *LaneRow) Prefix(i int) chunk.Prefix { return chunk.Prefix(l.Prefixes[i*16:]) }

// check that the row fits a frame of length bytes in a pack of a kind.
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

func CheckChunk(lane Lane, data []byte) error {
	if lane >= Lanes {
		return fmt.Errorf("there is no lane %d", lane)
	}
	if len(data) == 0 || len(data) > maxChunk {
		return fmt.Errorf("a chunk of %d bytes: the format takes 1 byte to %d", len(data), maxChunk)
	}
	return nil
}
