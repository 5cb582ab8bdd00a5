package optimal

import "math"

// bit is the unit of costs: 1/256 of a bit.
const bit = 256

// costs is what each value of a sequence and each literal costs.
type costs struct {
	literal [256]uint32
	lengths [short]uint32 // literal lengths
	matches [niceMatch + 1]uint32
	offsets [offsetCodes]uint32

	longLengths [literalLengthCodes]uint32
	longMatches [matchLengthCodes]uint32
}

// statistics counts what a block consists of.
type statistics struct {
	literals [256]uint32
	codes    [kinds][matchLengthCodes]uint32
}

// typical is what the first block is parsed with first: its bytes, and as many short matches as
// long ones.
func typical(block []byte) *statistics {
	s := new(statistics)
	for _, c := range block {
		s.literals[c]++
	}
	for k := range kinds {
		for code := range codesOf[k] {
			s.codes[k][code] = 1
		}
	}
	s.codes[literalLength][0] = 16
	s.codes[literalLength][1] = 8
	return s
}

// count counts the parts of a block.
func (s *statistics) count(block []byte, sequences []sequence) {
	*s = statistics{}
	at := uint32(0)
	for i := range sequences {
		q := &sequences[i]
		for _, c := range block[at : at+q.literals] {
			s.literals[c]++
		}
		at += q.literals + q.length
		s.codes[literalLength][literalLengthCode(q.literals)]++
		s.codes[offsetValue][offsetCode(q.offset)]++
		s.codes[matchLength][matchLengthCode(q.length)]++
	}
	for _, c := range block[at:] {
		s.literals[c]++
	}
}

// set computes the costs of a block with these statistics.
func (c *costs) set(s *statistics) {
	setCosts(c.literal[:], s.literals[:])
	setCosts(c.longLengths[:], s.codes[literalLength][:literalLengthCodes])
	setCosts(c.longMatches[:], s.codes[matchLength][:matchLengthCodes])
	setCosts(c.offsets[:], s.codes[offsetValue][:offsetCodes])
	for code := range c.longLengths {
		c.longLengths[code] += bit * uint32(literalLengthBits[code])
	}
	for code := range c.longMatches {
		c.longMatches[code] += bit * uint32(matchLengthBits[code])
	}
	for code := range c.offsets {
		c.offsets[code] += bit * uint32(code)
	}
	for n := range c.lengths {
		c.lengths[n] = c.longLengths[literalLengthCode(uint32(n))]
	}
	for n := minMatch; n < len(c.matches); n++ {
		c.matches[n] = c.longMatches[matchLengthCode(uint32(n))]
	}
}

// setCosts computes the cost of each symbol. One that did not occur costs as if it occurred half a
// time.
func setCosts(costs, counts []uint32) {
	total := 0.0
	for _, n := range counts {
		total += float64(n)
	}
	most := math.Log2(total + 1)
	for s, n := range counts {
		costs[s] = uint32(bit * (most + 1))
		if n > 0 {
			costs[s] = uint32(bit * max(0.02, most-math.Log2(float64(n))))
		}
	}
}

func (c *costs) literals(n uint32) uint32 {
	if n < short {
		return c.lengths[n]
	}
	return c.longLengths[literalLengthCode(n)]
}

func (c *costs) match(n uint32) uint32 {
	if n < uint32(len(c.matches)) {
		return c.matches[n]
	}
	return c.longMatches[matchLengthCode(n)]
}
