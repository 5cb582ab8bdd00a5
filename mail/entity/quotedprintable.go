package entity

import "bytes"

// quotedPrintable decodes quoted-printable (RFC 2045 section 6.7). Blanks at the end of a line are
// not content. An equals sign that begins nothing stays as it is.
type quotedPrintable struct{}

func (quotedPrintable) decode(dst, lines []byte, _ bool) []byte {
	for len(lines) > 0 {
		size := lineSize(lines)
		line := lines[:size]
		lines = lines[size:]
		text := bytes.TrimRight(line, " \t\r\n")
		ending := line[len(bytes.TrimRight(line, "\r\n")):]
		if bytes.HasSuffix(text, []byte("=")) { // a soft line break
			text, ending = text[:len(text)-1], nil
		}
		for {
			i := bytes.IndexByte(text, '=')
			if i < 0 {
				break
			}
			dst = append(dst, text[:i]...)
			if text = text[i+1:]; len(text) > 0 && text[0] == '\r' {
				text = text[1:] // a soft line break where lines end with CR alone
			} else if len(text) >= 2 && hexDigits[text[0]] < 16 && hexDigits[text[1]] < 16 {
				dst = append(dst, hexDigits[text[0]]<<4|hexDigits[text[1]])
				text = text[2:]
			} else {
				dst = append(dst, '=')
			}
		}
		dst = append(append(dst, text...), ending...)
	}
	return dst
}

// hexDigits has the value of each hexadecimal digit, also those in lower case, and 16 for other
// characters.
var hexDigits = func() (table [256]byte) {
	for i := range table {
		table[i] = 16
	}
	for i := range byte(16) {
		table["0123456789ABCDEF"[i]], table["0123456789abcdef"[i]] = i, i
	}
	return table
}()
