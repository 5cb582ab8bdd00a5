package format_test

import (
	"testing"

	"github.com/mailstrata/mailstrata/repo/format"
)

// Everything that is stored as one value is accepted whole and alone: not cut off, and not with a
// byte behind it.
func TestTruncatedValue(t *testing.T) {
	type inner struct {
		Names []string `cbor:"1,keyasint,omitempty"`
	}
	type value struct {
		Number int64   `cbor:"1,keyasint,omitempty"`
		Bytes  []byte  `cbor:"2,keyasint,omitempty"`
		Inner  []inner `cbor:"3,keyasint,omitempty"`
	}
	whole, err := format.Encode(value{Number: 1 << 40, Bytes: []byte("bytes"), Inner: []inner{{}, {[]string{"a", "bc"}}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := format.Decode(whole, new(value)); err != nil {
		t.Error(err)
	}
	for n := range whole {
		if format.Decode(whole[:n], new(value)) == nil {
			t.Errorf("a value is accepted after %d bytes of %d", n, len(whole))
		}
	}
	if format.Decode(append(whole, 0), new(value)) == nil {
		t.Error("a value is accepted with a byte too many")
	}
}
