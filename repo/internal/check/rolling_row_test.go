package check

import (
	"bytes"
	"testing"

	"github.com/mailstrata/mailstrata/repo/format"
)

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

// A check object with bytes missing or added is not accepted.
func TestTruncatedRow(t *testing.T) {
	b, err := format.Encode(checkRow{When: 1, Cursor: 2})
	if err != nil {
		t.Fatal(err)
	}
	if err := format.Decode(b, new(checkRow)); err != nil {
		t.Error(err)
	}
	for n := range b {
		if format.Decode(b[:n], new(checkRow)) == nil {
			t.Errorf("accepted after %d bytes of %d", n, len(b))
		}
	}
	if format.Decode(append(b, 0), new(checkRow)) == nil {
		t.Error("accepted with a byte too many")
	}
}
