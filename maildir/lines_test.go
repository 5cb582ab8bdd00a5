package maildir

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/lineend"
)

func TestLineEnds(t *testing.T) {
	for _, test := range []struct{ text, auto, lf string }{
		{"", "", ""},
		{"a\r\nb\r\n", "a\nb\n", "a\nb\n"},
		{"a\r\nb", "a\nb", "a\nb"},
		{"a\r\nb\n", "a\r\nb\n", "a\nb\n"},
		{"a\nb\n", "a\nb\n", "a\nb\n"},
		{"a\r\r\n", "a\r\r\n", "a\r\n"},
		{"a\rb\r\nc\r", "a\rb\nc\r", "a\rb\nc\r"},
		{"\r\n\r\n", "\n\n", "\n\n"},
		{"\r\r\r", "\r\r\r", "\r\r\r"},
		{"\x00\r\n", "\x00\n", "\x00\n"},
	} {
		for eol, want := range map[EOL]string{Auto: test.auto, LF: test.lf, AsIs: test.text} {
			if got, _ := written(t, test.text, eol, 1); got != want {
				t.Errorf("%q with line ends %d is %q, want %q", test.text, eol, got, want)
			}
		}
	}
}

// written returns a message that was written in pieces.
func written(t *testing.T, text string, eol EOL, step int) (string, sizes) {
	t.Helper()
	for ; ; eol = AsIs {
		var file bytes.Buffer
		w := lineWriter{to: &file, eol: eol, buf: make([]byte, 0, step%7)}
		for i := 0; i < len(text) && w.err == nil; i += step {
			_, _ = w.Write([]byte(text[i:min(len(text), i+step)]))
		}
		if err := w.Flush(); err == nil {
			return file.String(), w.sizes
		} else if err != errMixed {
			t.Fatal(err)
		}
	}
}

// onTheWire returns a file as an IMAP server sends it, with lines that end in CRLF.
func onTheWire(file string) string {
	return strings.ReplaceAll(strings.ReplaceAll(file, "\r\n", "\n"), "\n", "\r\n")
}

func FuzzLineEnds(f *testing.F) {
	f.Add("a\r\r\nb\nc\r\n\r", uint8(3))
	f.Fuzz(func(t *testing.T, text string, step uint8) {
		for _, eol := range []EOL{Auto, LF, AsIs} {
			file, size := written(t, text, eol, int(step)+1)
			if size.file != int64(len(file)) || size.wire != int64(len(onTheWire(file))) {
				t.Errorf("%q: sizes are %v of %q", text, size, file)
			}
			switch {
			case eol == AsIs && file != text,
				eol == Auto && file != text && onTheWire(file) != text, // it can be undone
				eol == LF && file != strings.ReplaceAll(text, "\r\n", "\n"):
				t.Errorf("%q with line ends %d is %q", text, eol, file)
			}
		}
	})
}

// What a source made of a file, by its line ends, becomes that file again.
func FuzzRecordedLineEnds(f *testing.F) {
	f.Add("a\nb\r\n\n\r\r\nc\r", uint8(3))
	f.Add("a\r\n\r\nb\r\nc\nd", uint8(1))
	f.Fuzz(func(t *testing.T, text string, step uint8) {
		var c lineend.Checker
		_, _ = c.Write([]byte(text))
		if c.Ends() == "" {
			return
		}
		wire, err := io.ReadAll(lineend.NewCRLFReader(strings.NewReader(text)))
		if err != nil {
			t.Fatal(err)
		}
		var file bytes.Buffer
		w := lineWriter{to: &file, ends: lineend.NewCursor(c.Ends()), buf: make([]byte, 0, step%7)}
		for len(wire) > 0 {
			n := min(len(wire), int(step)+1)
			_, _ = w.Write(wire[:n])
			wire = wire[n:]
		}
		if err := w.Flush(); err != nil || file.String() != text || w.sizes.file != c.Size() || w.sizes.wire != c.WireSize() {
			t.Fatalf("%q: %q, %v, %v", text, file.String(), w.sizes, err)
		}
	})
}
