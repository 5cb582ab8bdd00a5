package repo

import (
	"cmp"
	"encoding/binary"
	"io"
	"iter"
	"slices"

	"github.com/mailstrata/mailstrata/chunk"
)

// entry says where a chunk lies: length bytes from offset in the content of a frame.
type entry struct {
	prefix chunk.Prefix
	frame  uint32 // counted through all packs of a segment
	offset uint32
	length uint32
}

const (
	entrySize    = 16 + 3*4
	blockEntries = 4096 // entries of a block; part of the durable format
)

func (e entry) compare(f entry) int {
	return cmp.Or(e.prefix.Compare(f.prefix), cmp.Compare(e.frame, f.frame), cmp.Compare(e.offset, f.offset))
}

// blockRow describes a block.
type blockRow struct {
	_       struct{} `cbor:",toarray"`
	First   [16]byte
	Entries uint32
}

// encodeBlock writes entries as four columns: numbers beside their like compress.
func encodeBlock(entries []entry) []byte {
	b := make([]byte, 0, len(entries)*entrySize)
	for _, e := range entries {
		b = append(b, e.prefix[:]...)
	}
	for _, e := range entries {
		b = binary.LittleEndian.AppendUint32(b, e.frame)
	}
	for _, e := range entries {
		b = binary.LittleEndian.AppendUint32(b, e.offset)
	}
	for _, e := range entries {
		b = binary.LittleEndian.AppendUint32(b, e.length)
	}
	return b
}

// decodeBlock inverts encodeBlock; the caller knows that b is of whole entries.
func decodeBlock(b []byte) []entry {
	n := len(b) / entrySize
	entries := make([]entry, n)
	frames, offsets, lengths := b[16*n:], b[20*n:], b[24*n:]
	for i := range entries {
		entries[i] = entry{
			prefix: chunk.Prefix(b[16*i:]),
			frame:  binary.LittleEndian.Uint32(frames[4*i:]),
			offset: binary.LittleEndian.Uint32(offsets[4*i:]),
			length: binary.LittleEndian.Uint32(lengths[4*i:]),
		}
	}
	return entries
}

// writeSegment writes an index segment of packs and ascending entries, and reads it again. merged has the inputs and proofs
// of a segment that replaces others.
func (c *codec) writeSegment(s *spool, packs []packRow, entries iter.Seq[entry], merged table) (hash [32]byte, err error) {
	if hash, err = c.fillSegment(s, packs, entries, merged); err != nil {
		return hash, err
	}
	return hash, c.rereadSegment(s)
}

func (c *codec) fillSegment(s *spool, packs []packRow, entries iter.Seq[entry], merged table) (hash [32]byte, err error) {
	w, err := c.newWriter(s, KindIndex)
	if err != nil {
		return hash, err
	}
	var blocks []blockRow
	block := make([]entry, 0, blockEntries)
	flush := func() error {
		content := encodeBlock(block)
		blocks = append(blocks, blockRow{First: block[0].prefix, Entries: uint32(len(block))})
		block = block[:0]
		return c.withFrame(content, func(stored []byte) error { return w.frame(stored, len(content)) })
	}
	for e := range entries {
		block = append(block, e)
		if len(block) == blockEntries {
			if err := flush(); err != nil {
				return hash, err
			}
		}
	}
	if len(block) > 0 {
		if err := flush(); err != nil {
			return hash, err
		}
	}
	if err := w.finish(table{Packs: packs, Blocks: blocks, Inputs: merged.Inputs, Proofs: merged.Proofs}); err != nil {
		return hash, err
	}
	return s.finish()
}

func (c *codec) rereadSegment(s *spool) error {
	plain, size, err := s.plain()
	if err != nil {
		return err
	}
	seg, err := c.openSegment(plain, size)
	if err != nil {
		return err
	}
	for _, err := range seg.entries() {
		if err != nil {
			return err
		}
	}
	return nil
}

// segment is an index segment that was opened.
type segment struct {
	c       *container
	decoder *frameDecoder
	packs   []packRow
	lengths []uint32 // content length of each frame of the packs
	owners  []uint32 // the pack of each frame
	first   []uint32 // the first frame of each pack
}

// openSegment opens an index segment and checks what describes it; entries checks the rest.
func (c *codec) openSegment(r io.ReaderAt, size int64) (*segment, error) {
	object, err := c.open(r, size, KindIndex)
	if err != nil {
		return nil, err
	}
	return parseSegment(object, c.decoder)
}

func parseSegment(c *container, d *frameDecoder) (*segment, error) {
	s := &segment{c: c, decoder: d, packs: c.table.Packs}
	if len(s.packs) == 0 || len(c.table.Blocks) != len(c.table.Frames) {
		return nil, damaged("an index segment of %d packs, %d blocks and %d frames",
			len(s.packs), len(c.table.Blocks), len(c.table.Frames))
	}
	for i := range s.packs {
		if err := s.packs[i].check(); err != nil {
			return nil, err
		}
		s.first = append(s.first, uint32(len(s.lengths)))
		s.lengths = append(s.lengths, s.packs[i].Lengths...)
		s.owners = append(s.owners, slices.Repeat([]uint32{uint32(i)}, len(s.packs[i].Lengths))...)
	}
	if (len(c.table.Inputs) > 0 || len(c.table.Proofs) > 0) && len(c.table.Proofs) != len(s.packs) {
		return nil, damaged("a merged segment of %d packs with %d proofs", len(s.packs), len(c.table.Proofs))
	}
	for i, b := range c.table.Blocks {
		if b.Entries == 0 || b.Entries > blockEntries || c.table.Frames[i].Length != b.Entries*entrySize {
			return nil, damaged("block %d of %d entries in %d bytes", i+1, b.Entries, c.table.Frames[i].Length)
		}
	}
	return s, nil
}

// entries yields all entries, ascending. After an error nothing more is yielded.
func (s *segment) entries() iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		var last entry
		sums := make([]packSum, len(s.c.table.Proofs))
		for i := range s.c.table.Blocks {
			block, err := s.block(s.c, i)
			if err == nil && i > 0 && block[0].compare(last) <= 0 {
				err = damaged("entries do not ascend at %s", block[0].prefix)
			}
			if err != nil {
				yield(entry{}, err)
				return
			}
			for _, e := range block {
				if len(sums) > 0 {
					s.sum(sums, e)
				}
				if !yield(e, nil) {
					return
				}
			}
			last = block[len(block)-1]
		}
		if !slices.Equal(sums, s.c.table.Proofs) {
			yield(entry{}, damaged("its entries are not those that its proofs tell of"))
		}
	}
}

// block reads block i from c, and checks it.
func (s *segment) block(c *container, i int) ([]entry, error) {
	content, err := c.frame(i, s.decoder)
	if err != nil {
		return nil, err
	}
	block := decodeBlock(content)
	if block[0].prefix != c.table.Blocks[i].First {
		return nil, damaged("block %d does not begin with the prefix that the table says", i+1)
	}
	var last entry
	for j, e := range block {
		if err := s.check(e, last, j == 0); err != nil {
			return nil, err
		}
		last = e
	}
	return block, nil
}

func (s *segment) check(e, last entry, first bool) error {
	switch {
	case !first && e.compare(last) <= 0:
		return damaged("entries do not ascend at %s", e.prefix)
	case int(e.frame) >= len(s.lengths):
		return damaged("entry %s names frame %d of %d", e.prefix, e.frame, len(s.lengths))
	case e.length == 0 || e.length > maxChunk || uint64(e.offset)+uint64(e.length) > uint64(s.lengths[e.frame]):
		return damaged("entry %s reaches over the end of its frame", e.prefix)
	}
	return nil
}

// sorted yields entries in order. It reorders the slice.
func sorted(entries []entry) iter.Seq[entry] {
	slices.SortFunc(entries, entry.compare)
	return slices.Values(entries)
}
