package optimal

// bitWriter writes a bitstream that is read backward from its end (RFC 8878 section 4.1).
type bitWriter struct {
	out  []byte
	held uint64
	n    uint // bits in held
}

// add appends the lowest n bits of v, at most 32. v has no other bits.
func (w *bitWriter) add(v uint32, n uint) {
	w.held |= uint64(v) << w.n
	if w.n += n; w.n >= 32 {
		w.out = append(w.out, byte(w.held), byte(w.held>>8), byte(w.held>>16), byte(w.held>>24))
		w.held >>= 32
		w.n -= 32
	}
}

// flush appends what is held, filled with zeros up to a byte.
func (w *bitWriter) flush() {
	for ; w.n > 0; w.n -= min(w.n, 8) {
		w.out = append(w.out, byte(w.held))
		w.held >>= 8
	}
	w.held = 0
}

// close ends the stream with the bit that a reader looks for.
func (w *bitWriter) close() {
	w.add(1, 1)
	w.flush()
}
