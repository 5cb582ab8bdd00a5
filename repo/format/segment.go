package format

import (
	"cmp"
	"encoding/binary"
	"io"
	"iter"
	"slices"

	"github.com/mailstrata/mailstrata/chunk"
)

// Entry says where a chunk is: Length bytes from Offset in the content of a frame.
type Entry struct {
	Prefix chunk.Prefix
	Frame  uint32 // counted through all packs of a segment
	Offset uint32
	Length uint32
}

const (
	EntrySize    = 16 + 3*4
	blockEntries = 4096 // entries of a block; part of the durable format
)

// Compare orders entries as a segment has them: by prefix, then by where the chunk lies.
func (e Entry) Compare(f Entry) int {
	return cmp.Or(e.Prefix.Compare(f.Prefix), cmp.Compare(e.Frame, f.Frame), cmp.Compare(e.Offset, f.Offset))
}

// blockRow describes a block.
type blockRow struct {
	_       struct{} `cbor:",toarray"`
	First   [16]byte
	Entries uint32
}

// encodeBlock writes entries as four columns, which compress better than rows.
func encodeBlock(entries []Entry) []byte {
	b := make([]byte, 0, len(entries)*EntrySize)
	for _, e := range entries {
		b = append(b, e.Prefix[:]...)
	}
	for _, e := range entries {
		b = binary.LittleEndian.AppendUint32(b, e.Frame)
	}
	for _, e := range entries {
		b = binary.LittleEndian.AppendUint32(b, e.Offset)
	}
	for _, e := range entries {
		b = binary.LittleEndian.AppendUint32(b, e.Length)
	}
	return b
}

// decodeBlock inverts encodeBlock. The caller has checked the length of b.
func decodeBlock(b []byte) []Entry {
	n := len(b) / EntrySize
	entries := make([]Entry, n)
	frames, offsets, lengths := b[16*n:], b[20*n:], b[24*n:]
	for i := range entries {
		entries[i] = Entry{
			Prefix: chunk.Prefix(b[16*i:]),
			Frame:  binary.LittleEndian.Uint32(frames[4*i:]),
			Offset: binary.LittleEndian.Uint32(offsets[4*i:]),
			Length: binary.LittleEndian.Uint32(lengths[4*i:]),
		}
	}
	return entries
}

// Segment is an index segment that was opened. Its entries are read when they are asked for.
type Segment struct {
	c       *Container
	decoder *FrameDecoder
	Packs   []PackRow
	lengths []uint32 // content length of each frame of the packs
	owners  []uint32 // the pack of each frame
	first   []uint32 // the first frame of each pack
}

// OpenSegment opens an index segment and checks its table. Entries checks the rest.
func (c *Codec) OpenSegment(r io.ReaderAt, size int64) (*Segment, error) {
	object, err := c.open(r, size, KindIndex)
	if err != nil {
		return nil, err
	}
	return parseSegment(object, c.Decoder)
}

func parseSegment(c *Container, d *FrameDecoder) (*Segment, error) {
	s := &Segment{c: c, decoder: d, Packs: c.Table.Packs}
	if len(s.Packs) == 0 || len(c.Table.Blocks) != len(c.Table.Frames) {
		return nil, Damaged("an index segment of %d packs, %d blocks and %d frames",
			len(s.Packs), len(c.Table.Blocks), len(c.Table.Frames))
	}
	for i := range s.Packs {
		if err := s.Packs[i].Check(); err != nil {
			return nil, err
		}
		s.first = append(s.first, uint32(len(s.lengths)))
		s.lengths = append(s.lengths, s.Packs[i].Lengths...)
		s.owners = append(s.owners, slices.Repeat([]uint32{uint32(i)}, len(s.Packs[i].Lengths))...)
	}
	if (len(c.Table.Inputs) > 0 || len(c.Table.Proofs) > 0) && len(c.Table.Proofs) != len(s.Packs) {
		return nil, Damaged("a merged segment of %d packs with %d proofs", len(s.Packs), len(c.Table.Proofs))
	}
	for i, b := range c.Table.Blocks {
		if b.Entries == 0 || b.Entries > blockEntries || c.Table.Frames[i].Length != b.Entries*EntrySize {
			return nil, Damaged("block %d of %d entries in %d bytes", i+1, b.Entries, c.Table.Frames[i].Length)
		}
	}
	return s, nil
}

// Entries yields all entries in ascending order, and checks them. After an error it yields nothing
// more.
func (s *Segment) Entries() iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		var last Entry
		sums := make([]PackDigest, len(s.c.Table.Proofs))
		for i := range s.c.Table.Blocks {
			block, err := s.block(s.c, i)
			if err == nil && i > 0 && block[0].Compare(last) <= 0 {
				err = Damaged("entries do not ascend at %s", block[0].Prefix)
			}
			if err != nil {
				yield(Entry{}, err)
				return
			}
			for _, e := range block {
				if len(sums) > 0 {
					s.addTo(sums, e)
				}
				if !yield(e, nil) {
					return
				}
			}
			last = block[len(block)-1]
		}
		if !slices.Equal(sums, s.c.Table.Proofs) {
			yield(Entry{}, Damaged("its entries do not match its proofs"))
		}
	}
}

// Detach releases the reader and what only parsing needed. From then on BlockFrom alone reads
// blocks.
func (s *Segment) Detach() { s.c.rawHead, s.c.rawTable, s.c.r = nil, nil, nil }

// Frame returns the pack of an entry and the number of its frame in that pack.
func (s *Segment) Frame(e Entry) (row *PackRow, n int) {
	pack := s.owners[e.Frame]
	return &s.Packs[pack], int(e.Frame - s.first[pack])
}

// Blocks returns the rows that describe the segment's blocks.
func (s *Segment) Blocks() []blockRow { return s.c.Table.Blocks }

// Inputs returns the segments that this one replaces.
func (s *Segment) Inputs() [][32]byte { return s.c.Table.Inputs }

// BlockFrom reads block i of the segment from r.
func (s *Segment) BlockFrom(r io.ReaderAt, i int) ([]Entry, error) {
	c := *s.c
	c.r = r
	return s.block(&c, i)
}

// block reads block i from c, and checks it.
func (s *Segment) block(c *Container, i int) ([]Entry, error) {
	content, err := c.Frame(i, s.decoder)
	if err != nil {
		return nil, err
	}
	block := decodeBlock(content)
	if block[0].Prefix != c.Table.Blocks[i].First {
		return nil, Damaged("block %d does not begin with the prefix in the table", i+1)
	}
	var last Entry
	for j, e := range block {
		if err := s.check(e, last, j == 0); err != nil {
			return nil, err
		}
		last = e
	}
	return block, nil
}

func (s *Segment) check(e, last Entry, first bool) error {
	switch {
	case !first && e.Compare(last) <= 0:
		return Damaged("entries do not ascend at %s", e.Prefix)
	case int(e.Frame) >= len(s.lengths):
		return Damaged("entry %s names frame %d of %d", e.Prefix, e.Frame, len(s.lengths))
	case e.Length == 0 || e.Length > maxChunk || uint64(e.Offset)+uint64(e.Length) > uint64(s.lengths[e.Frame]):
		return Damaged("entry %s reaches past the end of its frame", e.Prefix)
	}
	return nil
}

// AppendEntry appends an entry as a row of EntrySize bytes.
func AppendEntry(b []byte, e Entry) []byte {
	b = append(b, e.Prefix[:]...)
	b = binary.LittleEndian.AppendUint32(b, e.Frame)
	b = binary.LittleEndian.AppendUint32(b, e.Offset)
	return binary.LittleEndian.AppendUint32(b, e.Length)
}

// EntryAt inverts AppendEntry, for row i of b.
func EntryAt(b []byte, i int) Entry {
	b = b[i*EntrySize:]
	return Entry{
		chunk.Prefix(b), binary.LittleEndian.Uint32(b[16:]),
		binary.LittleEndian.Uint32(b[20:]), binary.LittleEndian.Uint32(b[24:]),
	}
}
