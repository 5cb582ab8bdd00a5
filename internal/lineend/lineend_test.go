package lineend

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// A text has the kind of all of its line ends, or Mixed.
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

// Ends says which lines end otherwise than the others, if that fits. A Cursor bears any text in its
// place.
func TestEnds(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "a\n": "", "a\r\n\r\n": "", "a\r\r\nb\r\n": "", "a\nb": "",
		"a\nb\nc\r\n": "\x02", "a\r\nb\n": "\x00\x01", "\n\r\n\n\n\r\r\nx": "\x01\x01\x02",
		strings.Repeat("a\n", 300) + "\r\n":          "\xac\x02",
		strings.Repeat("a\n\r\n", MaxEnds):           "",
		strings.Repeat("a\n\r\n", 20) + "b\nb\n\r\n": strings.Repeat("\x01", 40) + "\x02",
	} {
		var c Checker
		_, _ = c.Write([]byte(text))
		if have := c.Ends(); have != want {
			t.Errorf("%q: have %q, want %q", text, have, want)
		}
	}
	for _, other := range []string{"\xff", "\x00\x00\x00", strings.Repeat("\xff", 20)} {
		c := NewCursor(other)
		for range 10 {
			c.Bare()
		}
	}
}

// The kind and the sizes do not depend on how a text is cut. A text that is convertible becomes
// what a server sends, and is made of that again.
func FuzzLines(f *testing.F) {
	f.Add([]byte("a\r\rb\r\n\r\n\n"), 1)
	f.Add([]byte("a\nb\n\nc"), 3)
	f.Add([]byte("a\nb\r\n\n\r\r\nc\r"), 3)
	f.Fuzz(func(t *testing.T, text []byte, cut int) {
		cut = min(max(cut, 0), len(text))
		var c Checker
		_, _ = c.Write(text[:cut])
		_, _ = c.Write(text[cut:])
		if c.Kind() != Of(text) || c.Size() != int64(len(text)) {
			t.Fatalf("%q, cut at %d: %v and %v", text, cut, c.Kind(), Of(text))
		}
		if !c.IsConvertible() {
			return
		}
		sent := sentBy(string(text))
		for _, r := range []io.Reader{bytes.NewReader(text), iotest.OneByteReader(bytes.NewReader(text)), iotest.DataErrReader(bytes.NewReader(text))} {
			wire, err := io.ReadAll(NewCRLFReader(r))
			if err != nil || int64(len(wire)) != c.WireSize() || string(wire) != sent {
				t.Fatalf("%q: %q, %v", text, wire, err)
			}
			if back := undone(string(wire), c.Ends()); back != string(text) {
				t.Fatalf("have %q, want %q", back, text)
			}
		}
	})
}

// sentBy returns a text as a server sends it.
func sentBy(text string) (sent string) {
	for line := range strings.Lines(text) {
		if bare, ok := strings.CutSuffix(line, "\n"); ok && !strings.HasSuffix(bare, "\r") {
			line = bare + "\r\n"
		}
		sent += line
	}
	return sent
}

// undone returns a text before it got CRLF.
func undone(wire, ends string) (text string) {
	c := NewCursor(ends)
	for line := range strings.Lines(wire) {
		if bare, ok := strings.CutSuffix(line, "\r\n"); ok && c.Bare() {
			line = bare + "\n"
		}
		text += line
	}
	return text
}
