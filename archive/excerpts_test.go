package archive

import (
	"bytes"
	"testing"

	"github.com/mailstrata/mailstrata/chunk"
)

// FuzzParseExcerpt: an excerpt that is understood has the rows that make it, and a row that is
// added is found.
func FuzzParseExcerpt(f *testing.F) {
	one := appendRow(nil, chunk.Prefix{1}, []byte("Subject: a\n"))
	f.Add(one)
	f.Add(appendRow(one, chunk.Prefix{2}, nil))
	f.Fuzz(func(t *testing.T, excerpt []byte) {
		rows := make(map[chunk.Prefix][]byte)
		if !parseExcerpt(rows, excerpt) {
			return
		}
		id, fields := chunk.Prefix{255, 1}, []byte("To: b\n")
		again := make(map[chunk.Prefix][]byte)
		if !parseExcerpt(again, appendRow(excerpt, id, fields)) || !bytes.Equal(again[id], fields) {
			t.Fatalf("%q after a row was added", again)
		}
		for known, text := range rows {
			if known != id && !bytes.Equal(again[known], text) {
				t.Fatalf("%x: %q, and then %q", known, text, again[known])
			}
		}
	})
}
