package entity

import "bytes"

// uuDecoder decodes uuencode (IEEE 1003.1), which some mail of before MIME has as its transfer
// encoding. It skips everything before the line "begin" and after the line "end".
type uuDecoder struct{ begun, done bool }

func (d *uuDecoder) decode(dst, lines []byte, _ bool) []byte {
	for len(lines) > 0 && !d.done {
		size := lineSize(lines)
		line := bytes.TrimRight(lines[:size], "\r\n")
		lines = lines[size:]
		switch {
		case !d.begun:
			d.begun = bytes.HasPrefix(line, []byte("begin "))
		case string(line) == "end":
			d.done = true
		case len(line) > 0:
			dst = uuLine(dst, line)
		}
	}
	return dst
}

// uuLine appends the bytes of a line, which begins with their number.
func uuLine(dst, line []byte) []byte {
	sextet := func(i int) byte {
		if i >= len(line) {
			return 0 // blanks at the end, which a program removed
		}
		return (line[i] - ' ') & 0x3f
	}
	size := int(sextet(0))
	if size > len(line) { // more than three quarters of the line: it is no line of uuencode
		return dst
	}
	have := len(dst)
	for i := 1; len(dst) < have+size; i += 4 {
		a, b, c, d := sextet(i), sextet(i+1), sextet(i+2), sextet(i+3)
		dst = append(dst, a<<2|b>>4, b<<4|c>>2, c<<6|d)
	}
	return dst[:have+size]
}
