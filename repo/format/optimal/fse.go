package optimal

import (
	"math"
	"math/bits"
)

// distribution is how the states of an FSE table are divided among symbols (RFC 8878 section
// 4.1.1): the table has 1<<log states, and norm[s] of them give symbol s. A symbol with -1 has one
// state, which begins without memory.
type distribution struct {
	log  uint
	norm []int16
}

// minLog is the smallest log that the format can describe.
const minLog = 5

// The distributions that need no description (RFC 8878 section 3.1.1.3.2.2).
var predefined = [kinds]distribution{
	literalLength: {6, []int16{4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1}},
	offsetValue: {
		5,
		[]int16{1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1},
	},
	matchLength: {6, []int16{1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
		-1, -1, -1, -1, -1, -1, -1}},
}

// maxLogs are the largest tables of sequences.
var maxLogs = [kinds]uint{literalLength: 9, offsetValue: 8, matchLength: 9}

// bitsFor returns how many bits the symbols take, or infinity if one of them has no state.
func (d *distribution) bitsFor(counts []uint32) float64 {
	sum := 0.0
	for s, n := range counts {
		if n == 0 {
			continue
		}
		if s >= len(d.norm) || d.norm[s] == 0 {
			return math.Inf(1)
		}
		p := max(d.norm[s], -d.norm[s])
		sum += float64(n) * (float64(d.log) - math.Log2(float64(p)))
	}
	return sum
}

// newDistribution divides 1<<log states among the symbols in proportion to their counts, so that
// all together take few bits. There are at least as many states as symbols that occur, and two such
// symbols.
func newDistribution(counts []uint32, log uint) distribution {
	total := uint64(0)
	used := 0
	for s, n := range counts {
		total += uint64(n)
		if n > 0 {
			used = s + 1
		}
	}
	d := distribution{log: log, norm: make([]int16, used)}
	left := 1 << log
	for s, n := range counts[:used] {
		if n > 0 {
			d.norm[s] = int16(max(1, uint64(n)<<log/total))
			left -= int(d.norm[s])
		}
	}
	for ; left > 0; left-- {
		d.norm[d.best(counts, func(p float64) float64 { return math.Log2((p + 1) / p) })]++
	}
	for ; left < 0; left++ {
		d.norm[d.best(counts, func(p float64) float64 { return math.Log2((p - 1) / p) })]--
	}
	return d
}

// best returns the symbol that gains most, if the bits that one symbol gains depend on its states.
// One that would lose its only state gains minus infinity.
func (d *distribution) best(counts []uint32, gain func(states float64) float64) (best int) {
	most := math.Inf(-1)
	for s, p := range d.norm {
		if p == 0 {
			continue
		}
		if g := float64(counts[s]) * gain(float64(p)); g > most {
			best, most = s, g
		}
	}
	return best
}

// describe writes the table's description (RFC 8878 section 4.1.1).
func (d *distribution) describe(w *bitWriter) {
	w.add(uint32(d.log-minLog), 4)
	left := 1<<d.log + 1
	for s := 0; left > 1; s++ {
		n := int(d.norm[s])
		// A number takes one bit less if it is so small that no larger one can follow.
		width := uint(bits.Len(uint(left)))
		limit := 1<<width - 1 - left
		left -= max(n, -n)
		v := n + 1
		switch {
		case v < limit:
			w.add(uint32(v), width-1)
		case v < 1<<(width-1):
			w.add(uint32(v), width)
		default:
			w.add(uint32(v+limit), width)
		}
		if n == 0 {
			s += d.describeZeros(w, s+1)
		}
	}
	w.flush()
}

// describeZeros writes how many symbols from s on have no states, and returns their number.
func (d *distribution) describeZeros(w *bitWriter, s int) int {
	n := 0
	for d.norm[s+n] == 0 {
		n++
	}
	more := n
	for ; more >= 3; more -= 3 {
		w.add(3, 2)
	}
	w.add(uint32(more), 2)
	return n
}

// encoding is a table to encode symbols, as a distribution gives it.
type encoding struct {
	log    uint
	states []uint16 // the next state, by the rank of a state among those of its symbol
	of     []symbolStates
}

// symbolStates says how to find the next state for a symbol.
type symbolStates struct {
	bits  uint32 // added to a state, gives the number of bits that the state loses, in the high 16 bits
	first int32  // added to what is left of the state, gives the place in states
}

func newEncoding(d *distribution) *encoding {
	size := 1 << d.log
	symbols := d.spread()
	e := &encoding{log: d.log, states: make([]uint16, size), of: make([]symbolStates, len(d.norm))}
	next := make([]int, len(d.norm))
	total := 0
	for s, n := range d.norm {
		states := int(max(n, -n))
		next[s] = total
		if states > 0 {
			most := d.log - uint(bits.Len(uint(states-1))) + 1 // bits that the smaller states of the symbol lose
			if states == 1 {
				most = d.log
			}
			e.of[s] = symbolStates{uint32(most)<<16 - uint32(states)<<most, int32(total - states)}
		}
		total += states
	}
	for at, s := range symbols {
		e.states[next[s]] = uint16(size + at)
		next[s]++
	}
	return e
}

// spread returns the symbol of each state.
func (d *distribution) spread() []uint8 {
	size := 1 << d.log
	symbols := make([]uint8, size)
	high := size - 1
	for s, n := range d.norm {
		if n == -1 {
			symbols[high] = uint8(s)
			high--
		}
	}
	at, step, mask := 0, size>>1+size>>3+3, size-1
	for s, n := range d.norm {
		for range n {
			symbols[at] = uint8(s)
			for at = (at + step) & mask; at > high; {
				at = (at + step) & mask
			}
		}
	}
	return symbols
}

// first returns the state of the last symbol, which is encoded first.
func (e *encoding) first(symbol uint8) uint32 {
	s := e.of[symbol]
	n := (s.bits + 1<<15) >> 16
	return uint32(e.states[int32((n<<16-s.bits)>>n)+s.first])
}

// next writes what the decoder needs to come from the symbol's state to the given one, and returns
// the symbol's state.
func (e *encoding) next(w *bitWriter, state uint32, symbol uint8) uint32 {
	s := e.of[symbol]
	n := (state + s.bits) >> 16
	w.add(state&(1<<n-1), uint(n))
	return uint32(e.states[int32(state>>n)+s.first])
}
