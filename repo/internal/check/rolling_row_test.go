package check

import (
	"bytes"
	"testing"

	"github.com/mailstrata/mailstrata/repo/format"
)

// Whatever is accepted as a check object is encoded as the same bytes.
func FuzzRow(f *testing.F) {
	b, err := format.Encode(checkRow{When: 1, Cursor: 2})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		var row checkRow
		if format.Decode(b, &row) != nil {
			return
		}
		if again, err := format.Encode(row); err != nil || !bytes.Equal(again, b) {
			t.Errorf("%x is accepted, but encodes as %x (%v)", b, again, err)
		}
	})
}
