package optimal

import "math"

// The modes of a table (RFC 8878 section 3.1.1.3.2.1).
const (
	predefinedMode = 0
	rleMode        = 1
	describedMode  = 2
	repeatMode     = 3
)

// tables are the tables that the decoder has of the last block with sequences. nil means that the
// table cannot be repeated.
type tables [kinds]*table

type table struct {
	distribution
	encoding *encoding
}

var predefinedTables = func() (all tables) {
	for k := range all {
		all[k] = &table{predefined[k], newEncoding(&predefined[k])}
	}
	return all
}()

// appendSequencesSection appends the sequences of the block (RFC 8878 section 3.1.1.3.2), and sets
// the tables that it uses.
func (e *Encoder) appendSequencesSection(known *tables, dst []byte) []byte {
	dst = appendCount(dst, len(e.sequences))
	if len(e.sequences) == 0 {
		return dst
	}
	var counts [kinds][matchLengthCodes]uint32
	for _, s := range e.sequences {
		counts[literalLength][literalLengthCode(s.literals)]++
		counts[offsetValue][offsetCode(s.offset)]++
		counts[matchLength][matchLengthCode(s.length)]++
	}
	modes := len(dst)
	dst = append(dst, 0)
	for k := range kinds {
		var mode byte
		mode, dst = known.choose(k, counts[k][:codesOf[k]], dst)
		dst[modes] |= mode << (6 - 2*k)
	}
	e.bits = bitWriter{out: dst}
	e.bits.writeSequences(e.sequences, known)
	return e.bits.out
}

// appendCount appends the number of sequences.
func appendCount(dst []byte, n int) []byte {
	const large = 0x7f00
	switch {
	case n < 128:
		return append(dst, byte(n))
	case n < large:
		return append(dst, byte(n>>8+128), byte(n))
	default:
		return append(dst, 255, byte(n-large), byte((n-large)>>8))
	}
}

// choose sets the table with which the codes take fewest bits, and appends its description, if it
// needs one.
func (t *tables) choose(k kind, counts []uint32, dst []byte) (mode byte, described []byte) {
	symbols, last := 0, 0
	for s, n := range counts {
		if n > 0 {
			symbols, last = symbols+1, s
		}
	}
	if symbols == 1 {
		t[k] = nil
		return rleMode, append(dst, byte(last))
	}
	known, least := t[k], math.Inf(1)
	mode = repeatMode
	if known != nil {
		least = known.bitsFor(counts)
	}
	if n := predefined[k].bitsFor(counts); n < least {
		known, least, mode = predefinedTables[k], n, predefinedMode
	}
	var made *distribution
	var description []byte
	for log := uint(minLog); log <= maxLogs[k]; log++ {
		if symbols > 1<<log {
			continue
		}
		d := newDistribution(counts, log)
		var w bitWriter
		d.describe(&w)
		if n := d.bitsFor(counts) + float64(8*len(w.out)); n < least {
			made, least, description = &d, n, w.out
		}
	}
	if made != nil {
		t[k] = &table{*made, newEncoding(made)}
		return describedMode, append(dst, description...)
	}
	t[k] = known
	return mode, dst
}

// writeSequences writes the sequences, the last one first.
func (w *bitWriter) writeSequences(all []sequence, t *tables) {
	var states [kinds]uint32
	var encodings [kinds]*encoding
	for k := range kinds {
		if t[k] != nil {
			encodings[k] = t[k].encoding
		}
	}
	for i := len(all) - 1; i >= 0; i-- {
		s := &all[i]
		codes := [kinds]uint8{literalLengthCode(s.literals), offsetCode(s.offset), matchLengthCode(s.length)}
		for _, k := range [...]kind{offsetValue, matchLength, literalLength} {
			switch e := encodings[k]; {
			case e == nil:
			case i == len(all)-1:
				states[k] = e.first(codes[k])
			default:
				states[k] = e.next(w, states[k], codes[k])
			}
		}
		w.add(s.literals-literalLengthFirst[codes[literalLength]], uint(literalLengthBits[codes[literalLength]]))
		w.add(s.length-matchLengthFirst[codes[matchLength]], uint(matchLengthBits[codes[matchLength]]))
		w.add(s.offset-1<<codes[offsetValue], uint(codes[offsetValue]))
	}
	for _, k := range [...]kind{matchLength, offsetValue, literalLength} {
		if e := encodings[k]; e != nil {
			w.add(states[k]-1<<e.log, e.log)
		}
	}
	w.close()
}
