package entity

import (
	"bytes"
	"encoding/base64"
	"slices"
)

// base64Decoder decodes base64 (RFC 2045 section 6.8). It skips characters that are not of the
// alphabet, takes the end of the body for missing padding, and stops at text that follows padding,
// such as the footer of a mailing list. But some programs encode each line by itself, so a line of
// nothing but base64 after padding continues.
type base64Decoder struct {
	bits   uint32 // the sextets of a quantum that is not complete
	count  int    // of sextets in bits
	padded bool   // the last quantum had padding
	done   bool   // text follows padding
}

func (d *base64Decoder) decode(dst, lines []byte, last bool) []byte {
	if lines = d.afterPadding(lines); len(lines) == 0 {
		return dst
	}
	if d.count == 0 {
		have := len(dst)
		dst = slices.Grow(dst, base64.StdEncoding.DecodedLen(len(lines)))
		n, err := base64.StdEncoding.Decode(dst[have:cap(dst)], lines) // ignores line ends
		if err == nil {
			d.padded = n%3 != 0
			return dst[:have+n]
		}
	}
	for len(lines) > 0 {
		c := lines[0]
		lines = lines[1:]
		if sextet := sextets[c]; sextet < 64 {
			d.bits, d.count = d.bits<<6|uint32(sextet), d.count+1
			if d.count == 4 {
				dst = append(dst, byte(d.bits>>16), byte(d.bits>>8), byte(d.bits))
				d.bits, d.count = 0, 0
			}
		} else if c == '=' && d.count >= 2 {
			dst = d.flush(dst)
			d.padded = true
			lines = d.afterPadding(lines)
		}
	}
	if last {
		dst = d.flush(dst)
	}
	return dst
}

// afterPadding returns the lines that are to be decoded: none if padding and then text came before
// them.
func (d *base64Decoder) afterPadding(lines []byte) []byte {
	if d.padded && !d.done {
		if lines = bytes.TrimLeft(lines, "= \t\r\n"); len(lines) > 0 {
			d.padded, d.done = false, !isBase64Line(lines)
		}
	}
	if d.done {
		return nil
	}
	return lines
}

// flush appends the bytes of a quantum that is not complete.
func (d *base64Decoder) flush(dst []byte) []byte {
	switch d.count {
	case 2:
		dst = append(dst, byte(d.bits>>4))
	case 3:
		dst = append(dst, byte(d.bits>>10), byte(d.bits>>2))
	}
	d.bits, d.count = 0, 0
	return dst
}

// isBase64Line reports whether a text begins with a line of nothing but complete quanta.
func isBase64Line(text []byte) bool {
	line := bytes.TrimRight(text[:lineSize(text)], " \t\r\n")
	data := bytes.TrimRight(line, "=")
	for _, c := range data {
		if sextets[c] >= 64 {
			return false
		}
	}
	return len(line)%4 == 0
}

// sextets has the value of each character of the alphabet, and 64 for others.
var sextets = func() (table [256]byte) {
	for i := range table {
		table[i] = 64
	}
	for i, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/" {
		table[c] = byte(i)
	}
	return table
}()
