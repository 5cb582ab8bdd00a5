package imap

import (
	"strings"
	"testing"
	"testing/iotest"
)

// A message is the same before and after a server has made its line ends CRLF, and however it is cut into pieces.
func TestDigest(t *testing.T) {
	sum := func(text string) digest {
		d, err := digestOf(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		pieces, err := digestOf(iotest.OneByteReader(strings.NewReader(text)))
		if err != nil || pieces != d {
			t.Errorf("%q: another digest in pieces", text)
		}
		return d
	}
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
}

// What servers are known to alter is seen, wherever the pieces end.
func TestOddities(t *testing.T) {
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
			var o oddities
			for rest := test.text; rest != ""; {
				n := min(size, len(rest))
				o.Write([]byte(rest[:n]))
				rest = rest[n:]
			}
			if o.nul != test.nul || o.bareLF != test.bareLF || o.bareCR() != test.bareCR || o.eightHeader != test.header {
				t.Errorf("%q in pieces of %d: have %+v", test.text, size, o)
			}
		}
	}
}
