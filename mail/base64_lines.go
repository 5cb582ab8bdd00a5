package mail

import "github.com/segmentio/asm/base64"

// Full lines of a run are encoded and decoded many at a time: their characters lie side by side in
// a buffer, and the vector instructions of package asm/base64 go over all of it. A call for each
// line, of 57 bytes, takes several times as long.

// lineCodec encodes and decodes full lines. The zero value is ready for use.
type lineCodec struct {
	text [lineBuffer]byte // characters of lines, without their endings
}

// lineBuffer is a few times MaxLineLength, and with what is written of it stays in a processor's
// cache.
const lineBuffer = 12 << 10

// encode appends to text the lines that b fills, each after an ending if owed, or after the one
// before. It returns text and the number of bytes that it has encoded. It encodes as many lines as
// it has room for at once.
func (c *lineCodec) encode(text, b []byte, recipe Recipe, owed bool) ([]byte, int) {
	length, size, ending := int(recipe.LineLength), recipe.decodedLine(), recipe.lineEnding()
	lines := min(len(b)/size, len(c.text)/length)
	base64.StdEncoding.Encode(c.text[:lines*length], b[:lines*size])
	for i := range lines {
		if owed {
			text = append(text, ending...)
		}
		text = append(text, c.text[i*length:(i+1)*length]...)
		owed = true
	}
	return text, lines * size
}

// decode decodes full lines of b, at most most of them, up to the first line that has another size
// or ending, and returns their number. It returns 0 if one of them has other characters than those
// of the alphabet.
func (c *lineCodec) decode(to, b []byte, recipe Recipe, most int) (lines int) {
	length, size, decoded := int(recipe.LineLength), recipe.fullLine(), recipe.decodedLine()
	for most = min(most, len(to)/decoded, len(c.text)/length, len(b)/size); lines < most; lines++ {
		line := b[lines*size : (lines+1)*size]
		if line[size-1] != '\n' || recipe.CRLF && line[size-2] != '\r' {
			break
		}
		copy(c.text[lines*length:], line[:length])
	}
	// The decoder ignores CR and LF and accepts padding. Each of them results in fewer bytes.
	n, err := base64.StdEncoding.Decode(to[:lines*decoded], c.text[:lines*length])
	if err != nil || n != lines*decoded {
		return 0
	}
	return lines
}
