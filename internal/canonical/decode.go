package canonical

import (
	"bytes"
	"encoding/hex"
	"io"
)

// decoder decodes the transfer encoding of a part (RFC 2045 section 6) and digests the result.
type decoder struct {
	to       io.Writer
	encoding string
	group    uint32 // of base64: the bits of an incomplete group of characters
	have     int    // the number of these characters
	ends     int    // line ends that are not digested yet, because those at the end of a part do not count
	out      []byte
}

func (d *decoder) begin(encoding string) {
	d.encoding, d.have, d.ends = encoding, 0, 0
}

// identity reports whether the part has no transfer encoding.
func (d *decoder) identity() bool { return d.encoding != "base64" && d.encoding != "quoted-printable" }

// line decodes a line of the part, or a piece of one.
func (d *decoder) line(line []byte, ended bool) {
	switch d.encoding {
	case "base64":
		d.base64(line)
	case "quoted-printable":
		line = bytes.TrimRight(line, " \t\r")
		line, soft := bytes.CutSuffix(line, []byte("="))
		d.quoted(line)
		if ended && !soft {
			d.put('\n')
		}
	default:
		for _, c := range line {
			d.put(c)
		}
		if ended {
			d.put('\n')
		}
	}
	d.flush()
}

// base64 decodes the characters of the alphabet and ignores others. "=" ends a group early, and
// another group may follow.
func (d *decoder) base64(line []byte) {
	for _, c := range line {
		value := -1
		switch {
		case 'A' <= c && c <= 'Z':
			value = int(c - 'A')
		case 'a' <= c && c <= 'z':
			value = int(c-'a') + 26
		case '0' <= c && c <= '9':
			value = int(c-'0') + 52
		case c == '+':
			value = 62
		case c == '/':
			value = 63
		case c == '=':
			d.endGroup()
		}
		if value < 0 {
			continue
		}
		d.group = d.group<<6 | uint32(value)
		if d.have++; d.have == 4 {
			d.endGroup()
		}
	}
}

// endGroup digests the bytes of a group of characters: three for four, two for three, one for two.
func (d *decoder) endGroup() {
	bits := d.group << (6 * (4 - d.have))
	for i := range max(0, d.have-1) {
		d.put(byte(bits >> (16 - 8*i)))
	}
	d.group, d.have = 0, 0
}

func (d *decoder) quoted(line []byte) {
	for i := 0; i < len(line); i++ {
		if line[i] == '=' && i+2 < len(line) {
			var decoded [1]byte
			if _, err := hex.Decode(decoded[:], line[i+1:i+3]); err == nil {
				d.put(decoded[0])
				i += 2
				continue
			}
		}
		d.put(line[i])
	}
}

// put digests a decoded byte.
func (d *decoder) put(c byte) {
	switch c {
	case '\r':
		return
	case '\n':
		d.ends++
		return
	case 0:
		c = 0x80
	}
	for ; d.ends > 0; d.ends-- {
		d.out = append(d.out, '\n')
	}
	d.out = append(d.out, c)
}

func (d *decoder) flush() {
	if len(d.out) > 0 {
		d.to.Write(d.out)
		d.out = d.out[:0]
	}
}

// end ends the part.
func (d *decoder) end() {
	if d.encoding == "base64" {
		d.endGroup()
	}
	d.flush()
	d.ends = 0
}
