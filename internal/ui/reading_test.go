package ui

import (
	"bytes"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

func reading(text string, width int) string {
	var b bytes.Buffer
	o := New(nil, &b, &b, func(string) string { return "" }, func(error) {})
	o.screen.width = width
	o.Reading(text)
	_ = o.Flush()
	return b.String()
}

// A message is shown without control characters, wrapped, with its quotes, and without runs of
// empty lines.
func TestReading(t *testing.T) {
	for _, c := range []struct {
		text  string
		width int
		want  string
	}{
		{"\r\n\nA\r\n\r\n\n\n b \n", 0, "A\n\n b\n"},
		{"a\tb\x1b[2Jc\u202ed\u200be\u0085", 0, "a       b\ufffd[2Jcde\ufffd\n"},
		{"one two three four", 9, "one two\nthree\nfour\n"},
		{"> > one two three", 12, "> > one two\n> > three\n"},
		{"\u00a0\u034f \u200c\u034f\nx", 0, "x\n"},
		{"aaaaaaaaaaaaaaaaaaaa", 5, "aaaaaaaaaaaaaaaaaaaa\n"},
		{"", 5, ""},
	} {
		if got := reading(c.text, c.width); got != c.want {
			t.Errorf("%q in %d cells: have %q, want %q", c.text, c.width, got, c.want)
		}
	}
}

// Whatever a message says, it moves no cursor.
func FuzzReading(f *testing.F) {
	f.Add("> \x1b]0;title\x07\n\u009b2J\u2028 x", 20)
	f.Fuzz(func(t *testing.T, text string, width int) {
		width = min(max(width, 0), 200)
		got := reading(text, width)
		if !utf8.ValidString(got) {
			t.Errorf("%q is not UTF-8", got)
		}
		for _, r := range got {
			if r != '\n' && (unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Cf, r) && r != '\u200c' && r != '\u200d') {
				t.Errorf("%q has %U", got, r)
			}
		}
		for line := range strings.Lines(got) {
			line = strings.TrimSuffix(line, "\n")
			if width > 0 && uniseg.StringWidth(line) > width && strings.Contains(strings.TrimLeft(line, "> "), " ") {
				t.Errorf("%q is wider than %d", line, width)
			}
		}
	})
}
