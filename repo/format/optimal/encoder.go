package optimal

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
	"github.com/klauspost/compress/huff0"
)

// blockSize is the largest content of a block (RFC 8878 section 3.1.1.2.3).
const blockSize = 128 << 10

// Encoder makes frames, one after the other. Its memory is 8 bytes for each byte of the largest
// content, and up to 35 MiB, less for a small content. What it made before has no effect on a
// frame. The zero value is ready.
type Encoder struct {
	finder finder
	parser parser
	tables tables
	lits   huff0.Scratch

	literals  []byte
	sequences []sequence
	bits      bitWriter
}

// sequence is a run of literals and a match (RFC 8878 section 3.1.1.3.2).
type sequence struct {
	literals uint32 // how many there are before the match
	length   uint32 // of the match
	offset   uint32 // offset value: 1 to 3 is a repeated offset, anything else the offset and 3
}

// MaxEncodedSize returns the largest size of a frame with so much content.
func (e *Encoder) MaxEncodedSize(size int) int { return size + 3*(size/blockSize+1) + 13 }

// EncodeAll appends a frame with the content, which must have less than 4 GiB, to dst.
func (e *Encoder) EncodeAll(content, dst []byte) []byte {
	const (
		contentSize4  = 2 << 6 // the content size has four bytes
		singleSegment = 1 << 5
		withChecksum  = 1 << 2
	)
	dst = append(dst, 0x28, 0xb5, 0x2f, 0xfd, contentSize4|singleSegment|withChecksum)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(content)))
	e.finder.reset(content)
	e.parser.reset(len(content))
	e.tables = tables{}
	e.lits.Reuse = huff0.ReusePolicyNone
	reps := [3]uint32{1, 4, 8}
	for at := 0; ; {
		end := min(at+blockSize, len(content))
		dst, reps = e.block(content, at, end, reps, dst)
		if at = end; at == len(content) {
			break
		}
	}
	return binary.LittleEndian.AppendUint32(dst, uint32(xxhash.Sum64(content)))
}

// The types of a block (RFC 8878 section 3.1.1.2.2).
const (
	rawBlock        = 0
	compressedBlock = 2
)

// block appends the block with content[at:end]. It returns the offsets that the next block can
// repeat.
func (e *Encoder) block(content []byte, at, end int, reps [3]uint32, dst []byte) ([]byte, [3]uint32) {
	var after [3]uint32
	e.sequences, after = e.parser.parse(&e.finder, at, end, reps, e.sequences[:0])
	e.literals = appendLiterals(e.literals[:0], content[at:end], e.sequences)

	last := uint32(0)
	if end == len(content) {
		last = 1
	}
	header := len(dst)
	dst = append(dst, 0, 0, 0)
	dst = e.appendLiteralsSection(dst)
	tables := e.tables // of this block, if it is stored as compressed
	dst = e.appendSequencesSection(&tables, dst)
	kind, size := uint32(compressedBlock), len(dst)-header-3
	if size >= end-at {
		// The decoder learns neither tables nor offsets from an uncompressed block.
		kind, size = rawBlock, end-at
		dst = append(dst[:header+3], content[at:end]...)
		after, tables = reps, e.tables
		e.lits.Reuse = huff0.ReusePolicyNone
	}
	e.tables = tables
	h := uint32(size)<<3 | kind<<1 | last
	dst[header], dst[header+1], dst[header+2] = byte(h), byte(h>>8), byte(h>>16)
	return dst, after
}

// appendLiterals appends the bytes of a block that no match covers.
func appendLiterals(dst, block []byte, sequences []sequence) []byte {
	at := uint32(0)
	for _, s := range sequences {
		dst = append(dst, block[at:at+s.literals]...)
		at += s.literals + s.length
	}
	return append(dst, block[at:]...)
}
