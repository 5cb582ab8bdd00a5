package statement

import (
	"bytes"
	"testing"

	"github.com/mailstrata/mailstrata/repo/format"
)

var examples = []any{
	&Mark{Manifest: []byte("manifests/x"), More: []MarkRow{{Manifest: []byte("manifests/y"), Parent: []byte{}}}},
	&Condemnation{Packs: []CondemnedPack{{Kind: 1}}},
	&TagSet{Manifest: []byte("manifests/x"), Number: 1, Set: [][]byte{[]byte("pinned")}},
	&ErasureRow{Accounts: [][]byte{make([]byte, 16)}, Messages: []ErasedRow{{Prefixes: make([]byte, 16)}}},
	&Signed{Payload: []byte{1}},
}

// Whatever is accepted as a statement is encoded as the same bytes.
func FuzzParse(f *testing.F) {
	for _, v := range append(examples, Mark{Manifest: []byte("manifests/x")}) {
		b, err := format.Encode(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := ParseMark(b); err == nil {
			again(t, m, b)
		}
		if c, err := ParseCondemnation(b); err == nil {
			again(t, c, b)
		}
		if n, err := ParseTagSet(b); err == nil {
			again(t, n, b)
		}
		if e, err := ParseErasure(b); err == nil {
			again(t, e, b)
		}
		_, _ = Open(b, format.KindMark, [16]byte{}, [32]byte{})
	})
}

func again(t *testing.T, v any, want []byte) {
	t.Helper()
	if got, err := format.Encode(v); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%x is accepted, but encodes as %x (%v)", want, got, err)
	}
}
