package lineend

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestKind(t *testing.T) {
	for text, want := range map[string]Kind{
		"": None, "a": None, "\r": None, "a\r\r": None,
		"\n": LF, "a\n": LF, "a\rb\n": LF, "\n\r": LF, "a\nb": LF,
		"\r\n": CRLF, "a\r\nb\r\n": CRLF, "a\r\nb": CRLF, "a\rb\r\n": CRLF,
		"a\r\nb\n": Mixed, "a\nb\r\n": Mixed, "a\r\r\n": Mixed, "\r\r\r\n": Mixed,
	} {
		if have := Of([]byte(text)); have != want {
			t.Errorf("%q: have %v, want %v", text, have, want)
		}
	}
}

// The kind and the sizes do not depend on how a text is cut, and a text of LF lines, read with CRLF, is one of CRLF lines that
// gives the text back.
func FuzzLines(f *testing.F) {
	f.Add([]byte("a\r\rb\r\n\r\n\n"), 1)
	f.Add([]byte("a\nb\n\nc"), 3)
	f.Fuzz(func(t *testing.T, text []byte, cut int) {
		cut = min(max(cut, 0), len(text))
		var c Checker
		_, _ = c.Write(text[:cut])
		_, _ = c.Write(text[cut:])
		if c.Kind() != Of(text) || c.Size() != int64(len(text)) {
			t.Fatalf("%q, cut at %d: %v and %v", text, cut, c.Kind(), Of(text))
		}
		if c.Kind() != LF {
			return
		}
		for _, r := range []io.Reader{bytes.NewReader(text), iotest.OneByteReader(bytes.NewReader(text)), iotest.DataErrReader(bytes.NewReader(text))} {
			wire, err := io.ReadAll(NewCRLFReader(r))
			if err != nil || int64(len(wire)) != c.WireSize() || Of(wire) != CRLF {
				t.Fatalf("%q: %q, %v", text, wire, err)
			}
			if back := strings.ReplaceAll(string(wire), "\r\n", "\n"); back != string(text) {
				t.Fatalf("have %q, want %q", back, text)
			}
		}
	})
}
