package header_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/header"
)

// A field is decoded and unfolded, whatever the case of its name, and is not looked for in the
// body.
func TestText(t *testing.T) {
	text := []byte("subject : =?utf-8?q?Gr=C3=BC=C3=9Fe?= =?iso-8859-1?b?5A==?=\r\n aus\r\n\tK=C3=B6ln\r\n" +
		"Subjects: other\r\nFrom: \"A, B\" <a@example.org>\r\nX-Empty:\r\nTo: =?no-such-charset?q?x=FF?=\r\n\r\nFrom: body\r\n")
	for name, want := range map[string]string{
		"Subject": "Grüßeä aus K=C3=B6ln",
		"FROM":    `"A, B" <a@example.org>`,
		"X-Empty": "", "Cc": "",
		"To": "=?no-such-charset?q?x=FF?=",
	} {
		if got := header.Text(text, name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// A byte order mark before the first field hides it from nobody who asks for it.
func TestMark(t *testing.T) {
	text := []byte("\ufeffSubject: x\r\nTo: y\r\n")
	for _, text := range [][]byte{text, header.Only(text, "Subject")} {
		if got := header.Text(text, "Subject"); got != "x" {
			t.Errorf("%q, want x", got)
		}
	}
}

// FuzzOnly: what Fields yields of the names that Only keeps is the same before and after.
func FuzzOnly(f *testing.F) {
	for _, text := range []string{
		"Subject: a\r\n b\r\nX: c\r\n d\r\nsubject :e\r\n\r\n f\r\nTo: g",
		" a\nSubject\n b\nSubject: c\n\r\n d\n\t:e\n:f\n g\nTo:\n", "To\r: a\n\rTo: b\r\r\n \nTo: \n  \n x",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		kept := []string{"Subject", "To"}
		all := func(text []byte) (found []string) {
			for name, value := range header.Fields(text) {
				if slices.ContainsFunc(kept, func(n string) bool { return strings.EqualFold(n, name) }) {
					found = append(found, name, value)
				}
			}
			return found
		}
		only := header.Only(text, kept...)
		if got, want := all(only), all(text); !slices.Equal(got, want) {
			t.Fatalf("%q has %q, and %q has %q", only, got, text, want)
		}
		if again := header.Only(only, kept...); !bytes.Equal(again, only) {
			t.Fatalf("%q, and then %q", only, again)
		}
	})
}

// The empty line ends a header with either kind of line ends, and at the beginning, too.
func TestEnd(t *testing.T) {
	for text, want := range map[string]int{
		"A: b\r\n\r\ntext": 6, "A: b\n\ntext": 5, "A: b\r\n\ntext": 6, "\r\ntext": 0, "\ntext": 0,
		"": -1, "A: b": -1, "A: b\r\n": -1, "A: b\r\n\r": -1, "A: \r\r\n": -1,
	} {
		if got := header.End([]byte(text)); got != want {
			t.Errorf("End(%q) = %d, want %d", text, got, want)
		}
	}
}
