package charset

import (
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
)

// decodeISO2022KR decodes ISO-2022-KR (RFC 1557).
func decodeISO2022KR(text []byte) string { return decodeShifted(text, korean.EUCKR) }

// decodeISO2022CN decodes ISO-2022-CN (RFC 1922) where it has the characters of GB 2312. It does
// not know those of CNS 11643.
func decodeISO2022CN(text []byte) string { return decodeShifted(text, simplifiedchinese.GB18030) }

// decodeShifted decodes a text in which SO (0x0e) begins characters of two bytes with 7 bits, and
// SI (0x0f) or the end of the line ends them. With the eighth bit these are EUC.
func decodeShifted(text []byte, euc encoding.Encoding) string {
	eight := make([]byte, 0, len(text))
	shifted := false
	for len(text) > 0 {
		c := text[0]
		switch {
		case c == escape && len(text) >= 4 && text[1] == '$' && (text[2] == ')' || text[2] == '*'):
			text = text[4:] // announces the set
			continue
		case c == 0x0e:
			shifted = true
		case c == 0x0f:
			shifted = false
		case c == '\n':
			shifted = false
			eight = append(eight, c)
		case shifted && c > ' ':
			eight = append(eight, c|0x80)
		default:
			eight = append(eight, c)
		}
		text = text[1:]
	}
	return decodeBy(euc)(eight)
}
