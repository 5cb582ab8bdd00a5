package optimal

import "math/bits"

// kind is one of the three values of a sequence.
type kind int

const (
	literalLength kind = iota
	offsetValue
	matchLength

	kinds
)

// Codes of literal lengths and match lengths (RFC 8878 section 3.1.1.3.2.1.1). A code of an offset
// value is the number of its highest bit.
const (
	literalLengthCodes = 36
	matchLengthCodes   = 53
	offsetCodes        = 32
	minMatch           = 3
)

var codesOf = [kinds]int{literalLength: literalLengthCodes, offsetValue: offsetCodes, matchLength: matchLengthCodes}

// Extra bits and first values, by code.
var (
	literalLengthBits = [literalLengthCodes]uint8{16: 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	matchLengthBits   = [matchLengthCodes]uint8{
		32: 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
	}

	literalLengthFirst = firstValues(literalLengthBits[:], 0)
	matchLengthFirst   = firstValues(matchLengthBits[:], minMatch)
	shortLiteralCodes  = shortCodes(literalLengthFirst, 0)
	shortMatchCodes    = shortCodes(matchLengthFirst, minMatch)
)

// firstValues returns the smallest value of each code: the codes cover all values without a gap.
func firstValues(extra []uint8, first uint32) []uint32 {
	values := make([]uint32, len(extra))
	for code, n := range extra {
		values[code] = first
		first += 1 << n
	}
	return values
}

// short bounds the values, without the first, whose codes are looked up. Above, each power of two
// has one code.
const short = 128

func shortCodes(first []uint32, base uint32) (codes [short]uint8) {
	for code, v := range first {
		for at := v - base; at < short; at++ {
			codes[at] = uint8(code)
		}
	}
	return codes
}

func literalLengthCode(n uint32) uint8 {
	if n < short {
		return shortLiteralCodes[n]
	}
	return uint8(bits.Len32(n)) + 18
}

func matchLengthCode(n uint32) uint8 {
	if n -= minMatch; n < short {
		return shortMatchCodes[n]
	}
	return uint8(bits.Len32(n)) + 35
}

func offsetCode(v uint32) uint8 { return uint8(bits.Len32(v)) - 1 }
