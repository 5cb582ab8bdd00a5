package fingerprint

import (
	"io"
	"testing"
)

// A message has the same digest before and after a server has changed its line ends, in pieces of
// any size.
func TestFingerprint(t *testing.T) {
	like := func(text string) Fingerprint {
		whole := func(w io.Writer) error {
			_, err := io.WriteString(w, text)
			return err
		}
		bytewise := func(w io.Writer) error {
			for i := range len(text) {
				if _, err := io.WriteString(w, text[i:i+1]); err != nil {
					return err
				}
			}
			return nil
		}
		l, err := Of(whole)
		if pieces, err := Of(bytewise); err != nil || pieces != l {
			t.Errorf("%q: another digest in pieces", text)
		}
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	sum := func(text string) Digest { return like(text).exact }
	for _, same := range [][2]string{{"a\nb\n", "a\r\nb\r\n"}, {"\n\n", "\r\n\r\n"}, {"a\x00", "a\x80"}, {"a\r\n\n", "a\n\r\n"}, {"a\r\r\n", "a\r\n"}, {"a\r\r", "a"}} {
		if sum(same[0]) != sum(same[1]) {
			t.Errorf("%q and %q differ", same[0], same[1])
		}
	}
	for _, other := range [][2]string{{"a", "a\n"}, {"a\rb", "a\nb"}, {"a\n", "b\n"}, {"a\r\rb", "a\rb"}} {
		if sum(other[0]) == sum(other[1]) {
			t.Errorf("%q and %q are the same", other[0], other[1])
		}
	}
	// Changes of Courier, Cyrus and Proton's bridge.
	for _, same := range [][2]string{{"a\rb", "ab"}, {"a", "a\r\n"}, {"", "\r\n"}, {"a: b\r\n\r\nc", "X-Pm-Gluon-Id: 664703a2\r\na: b\r\n\r\nc\r\n"}, {"S: \xc3\xa9\r\n\r\n\xe9", "S: XX\r\n\r\n\xe9\r\n"}} {
		if a, b := like(same[0]), like(same[1]); a.exact == b.exact || a.Normalized != b.Normalized {
			t.Errorf("%q and %q are not like each other", same[0], same[1])
		}
	}
	for _, other := range [][2]string{{"S: a\n\n\xe9\n", "S: a\n\nX\n"}, {"\n\xe9", "\nX"}, {"a\n\nb", "a\nb"}, {"a\n", "b\n"}, {"X-Pm", ""}, {"X-Pm\nb", "b"}, {"a: b\nX-Pm-Gluon-Id: 1\nc", "a: b\nc"}} {
		if like(other[0]).Normalized == like(other[1]).Normalized {
			t.Errorf("%q and %q are like each other", other[0], other[1])
		}
	}
}

// Traits are found in pieces of any size.
func TestTraits(t *testing.T) {
	for _, test := range []struct {
		text                        string
		nul, bareLF, bareCR, header bool
	}{
		{"Subject: a\r\n\r\nb\xff\r\n", false, false, false, false},
		{"Subject: a\n\r\nb", false, true, false, false},
		{"Subject: a\r\n\r\nb\n", false, true, false, false},
		{"\n", false, true, false, false},
		{"Subject: \xe9\r\n\r\n", false, false, false, true},
		{"Subject: a\r\n\r\n\x00", true, false, false, false},
		{"Subject: a\r\n\r\nb\r\r\n", false, false, true, false},
		{"Subject: a\r\n\r\nb\r", false, false, true, false},
		{"", false, false, false, false},
	} {
		for _, size := range []int{1, 2, len(test.text) + 1} {
			var o Traits
			for rest := test.text; rest != ""; {
				n := min(size, len(rest))
				o.Write([]byte(rest[:n]))
				rest = rest[n:]
			}
			if o.NUL != test.nul || o.BareLF != test.bareLF || o.BareCR() != test.bareCR || o.EightBitHeader != test.header {
				t.Errorf("%q in pieces of %d: have %+v", test.text, size, o)
			}
		}
	}
}
