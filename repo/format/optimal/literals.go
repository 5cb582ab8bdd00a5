package optimal

import "github.com/klauspost/compress/huff0"

// The types of a literals section (RFC 8878 section 3.1.1.3.1.1).
const (
	rawLiterals        = 0
	rleLiterals        = 1
	compressedLiterals = 2
	treelessLiterals   = 3
)

// fewLiterals are not worth a Huffman tree.
const fewLiterals = 32

// appendLiteralsSection appends the literals of the block (RFC 8878 section 3.1.1.3.1).
func (e *Encoder) appendLiteralsSection(dst []byte) []byte {
	n := len(e.literals)
	if n < fewLiterals {
		return append(literalsHeader(dst, rawLiterals, n), e.literals...)
	}
	compress, streams := huff0.Compress4X, 4
	if n < 1024 {
		compress, streams = huff0.Compress1X, 1
	}
	out, reused, err := compress(e.literals, &e.lits)
	switch {
	case err == huff0.ErrUseRLE:
		return append(literalsHeader(dst, rleLiterals, n), e.literals[0])
	case err != nil: // incompressible
		return append(literalsHeader(dst, rawLiterals, n), e.literals...)
	}
	e.lits.Reuse = huff0.ReusePolicyAllow
	kind := uint64(compressedLiterals)
	if reused {
		kind = treelessLiterals
	}
	return append(treeHeader(dst, kind, n, len(out), streams), out...)
}

// literalsHeader appends the header of n literals without a tree.
func literalsHeader(dst []byte, kind, n int) []byte {
	switch {
	case n < 1<<5:
		return append(dst, byte(n<<3|kind))
	case n < 1<<12:
		h := n<<4 | 1<<2 | kind
		return append(dst, byte(h), byte(h>>8))
	default:
		h := n<<4 | 3<<2 | kind
		return append(dst, byte(h), byte(h>>8), byte(h>>16))
	}
}

// treeHeader appends the header of n literals that take size bytes with their tree.
func treeHeader(dst []byte, kind uint64, n, size, streams int) []byte {
	format, bits, bytes := uint64(3), 18, 5
	switch larger := max(n, size); {
	case streams == 1:
		format, bits, bytes = 0, 10, 3
	case larger < 1<<10:
		format, bits, bytes = 1, 10, 3
	case larger < 1<<14:
		format, bits, bytes = 2, 14, 4
	}
	h := kind | format<<2 | uint64(n)<<4 | uint64(size)<<(4+bits)
	for range bytes {
		dst = append(dst, byte(h))
		h >>= 8
	}
	return dst
}
