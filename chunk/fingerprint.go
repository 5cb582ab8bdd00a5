package chunk

// windowSize is the number of bytes before a cut that decide about it. Part of the durable format.
const windowSize = 64

// cutMask has the bits of a fingerprint that are 0 where content is cut.
const cutMask = 1<<AverageBits - 1

// fingerprint is the Rabin fingerprint of a window: its bytes as a polynomial over GF(2), modulo
// the Polynomial (docs/format.md, "The cut").
type fingerprint uint64

// fingerprinter computes fingerprints modulo a polynomial P of degree polynomialDegree, from tables
// by byte.
type fingerprinter struct {
	carry   [256]fingerprint // b·x^53: the multiple of P that removes b from above the degree, and what it leaves below
	leaving [256]fingerprint // b·x^512 mod P: the oldest byte of a window, when the next one has come
}

func newFingerprinter(p Polynomial) *fingerprinter {
	double := func(f fingerprint) fingerprint { // f·x mod P
		if f <<= 1; f>>polynomialDegree == 1 {
			f ^= fingerprint(p)
		}
		return f
	}
	power := func(n int) (f fingerprint) { // x^n mod P
		for f = 1; n > 0; n-- {
			f = double(f)
		}
		return f
	}
	var t fingerprinter
	carry, leaving := power(polynomialDegree), power(8*windowSize)
	for bit := 1; bit < 256; bit <<= 1 {
		for b := range bit { // fingerprints are linear
			t.carry[bit|b] = carry ^ fingerprint(bit)<<polynomialDegree ^ t.carry[b]
			t.leaving[bit|b] = leaving ^ t.leaving[b]
		}
		carry, leaving = double(carry), double(leaving)
	}
	return &t
}

// next returns the fingerprint of the window one byte after that of f: last left it, and b came.
func (t *fingerprinter) next(f fingerprint, last, b byte) fingerprint {
	return f<<8 ^ t.carry[uint8(f>>(polynomialDegree-8))] ^ t.leaving[last] ^ fingerprint(b)
}

// of returns the fingerprint of a window.
func (t *fingerprinter) of(window []byte) (f fingerprint) {
	for _, b := range window {
		f = t.next(f, 0, b)
	}
	return f
}

// laneSize is the number of offsets that one lane of findInLanes tests.
const laneSize = 1 << 10

// find returns the first offset n in b, from ≤ n < to, at which the fingerprint of the window
// before n says to cut, or to if there is none. from is at least windowSize.
func (t *fingerprinter) find(b []byte, from, to int) int {
	for ; to-from >= 4*laneSize; from += 4 * laneSize {
		if n := t.findInLanes((*[windowSize + 4*laneSize]byte)(b[from-windowSize:])); n < 4*laneSize {
			return from + n
		}
	}
	if from >= to {
		return to
	}
	f := t.of(b[from-windowSize : from])
	for n := from; n < to; n++ {
		if f&cutMask == 0 {
			return n
		}
		f = t.next(f, b[n-windowSize], b[n])
	}
	return to
}

// findInLanes is find for the 4*laneSize offsets after the first window of b, and counts them from
// there. A fingerprint needs the one before, so a processor that computes one after the other
// mostly waits. findInLanes computes four at a time, each in a lane of its own.
func (t *fingerprinter) findInLanes(b *[windowSize + 4*laneSize]byte) int {
	var f0, f1, f2, f3 fingerprint
	for i := range windowSize {
		f0 = t.next(f0, 0, b[i])
		f1 = t.next(f1, 0, b[i+laneSize])
		f2 = t.next(f2, 0, b[i+2*laneSize])
		f3 = t.next(f3, 0, b[i+3*laneSize])
	}
	found := 4 * laneSize
	for i := range laneSize {
		if f0&cutMask == 0 {
			return i // before all of the other lanes
		}
		if f1&cutMask == 0 {
			found = min(found, i+laneSize)
		}
		if f2&cutMask == 0 {
			found = min(found, i+2*laneSize)
		}
		if f3&cutMask == 0 {
			found = min(found, i+3*laneSize)
		}
		f0 = t.next(f0, b[i], b[i+windowSize])
		f1 = t.next(f1, b[i+laneSize], b[i+laneSize+windowSize])
		f2 = t.next(f2, b[i+2*laneSize], b[i+2*laneSize+windowSize])
		f3 = t.next(f3, b[i+3*laneSize], b[i+3*laneSize+windowSize])
	}
	return found
}
