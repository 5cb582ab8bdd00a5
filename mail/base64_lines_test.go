package mail

import (
	"bytes"
	"encoding/base64"
	"testing"
)

// decode must refuse every byte that is not of the alphabet, wherever it is: vector instructions go
// over blocks of bytes, and the ends of the lines are decoded without them.
func TestDecodeLinesRefusesOtherBytes(t *testing.T) {
	recipe := Recipe{LineLength: 76, CRLF: true}
	text := []byte(lines64(57*4, 76, "\r\n"))
	want := make([]byte, 57*4)
	var codec lineCodec
	if n := codec.decode(want, text, recipe, 4); n != 4 {
		t.Fatalf("%d lines were decoded", n)
	}
	for at := range text {
		good := text[at]
		for b := range 256 {
			text[at] = byte(b)
			got := make([]byte, 57*4)
			lines := codec.decode(got, text, recipe, 4)
			switch ending := at%78 >= 76; {
			case ending && byte(b) != good:
				if lines != at/78 {
					t.Fatalf("%d lines before the ending with byte %#x at %d", lines, b, at)
				}
			case !ending && !alphabet[b]:
				if lines != 0 {
					t.Fatalf("%d lines with byte %#x at %d", lines, b, at)
				}
			default:
				var encoded []byte
				for line := range bytes.SplitSeq(bytes.TrimSuffix(text, []byte("\r\n")), []byte("\r\n")) {
					encoded = append(encoded, line...)
				}
				want, err := base64.StdEncoding.DecodeString(string(encoded))
				if err != nil || lines != 4 || !bytes.Equal(got, want) {
					t.Fatalf("byte %#x at %d: %d lines, %v", b, at, lines, err)
				}
			}
		}
		text[at] = good
	}
}

// Lines of every length are encoded as encoding/base64 does it, whatever the sizes of the writes.
func TestEncodeLines(t *testing.T) {
	data := make([]byte, 40000)
	for i := range data {
		data[i] = byte(i * i >> 3)
	}
	for length := 4; length <= MaxLineLength; length += 4 {
		recipe := Recipe{LineLength: uint16(length), CRLF: length%8 == 0}
		var want []byte
		for rest := data; len(rest) > 0; {
			n := min(len(rest), recipe.decodedLine())
			want = base64.StdEncoding.AppendEncode(want, rest[:n])
			want, rest = append(want, recipe.lineEnding()...), rest[n:]
		}
		for _, step := range []int{1 + length*7, 1000, len(data)} {
			var got bytes.Buffer
			j := NewJoiner(&got)
			if err := j.Begin(Base64Part, recipe); err != nil {
				t.Fatal(err)
			}
			for rest := data; len(rest) > 0; {
				n := min(len(rest), step)
				if _, err := j.Write(rest[:n]); err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
			}
			if err := j.Close(); err != nil || !bytes.Equal(got.Bytes(), want) {
				t.Fatalf("lines of %d, writes of %d: %v", length, step, err)
			}
		}
	}
}
