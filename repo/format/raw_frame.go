package format

import (
	"github.com/klauspost/compress/zstd"
	"github.com/mailstrata/mailstrata/chunk"
)

// packChunks closes a pack that holds more chunks: its table must stay small.
const PackChunks = 1 << 16

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
