package statement

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/format"
)

// The example of docs/format.md, "Erasures".
func TestErasureVector(t *testing.T) {
	folder := "0ce2e8589c2226b5feffe35eb440816c"
	prefix := func(b byte) chunk.Prefix { return chunk.Prefix(bytes.Repeat([]byte{b}, 16)) }
	e := Erasure{
		Accounts: []string{folder},
		Messages: []ErasedMessage{{Hash: chunk.ID(bytes.Repeat([]byte{0x11}, 32)), Chunks: []chunk.Prefix{prefix(0x33), prefix(0x22), prefix(0x33)}}},
	}
	rows, err := e.Rows()
	if err != nil || len(rows) != 1 {
		t.Fatalf("%d objects, %v", len(rows), err)
	}
	payload, err := format.Encode(rows[0])
	if err != nil {
		t.Fatal(err)
	}
	want := "a2" + "018150" + folder + "028182" + "5820" + strings.Repeat("11", 32) + "5820" + strings.Repeat("22", 16) + strings.Repeat("33", 16)
	if hex.EncodeToString(payload) != want {
		t.Errorf("%x, want %s", payload, want)
	}
	if _, err := ParseErasure(payload); err != nil {
		t.Error(err)
	}
	for name, bad := range map[string]string{
		"nothing":                   "a0",
		"a short account":           "a101814f" + folder[2:],
		"accounts out of order":     "a1018250" + folder + "50" + folder,
		"half a prefix":             "a1028182" + "5820" + strings.Repeat("11", 32) + "48" + strings.Repeat("22", 8),
		"prefixes out of order":     "a1028182" + "5820" + strings.Repeat("11", 32) + "5820" + strings.Repeat("33", 16) + strings.Repeat("22", 16),
		"null in place of prefixes": "a1028182" + "5820" + strings.Repeat("11", 32) + "f6",
	} {
		b, _ := hex.DecodeString(bad)
		if _, err := ParseErasure(b); err == nil {
			t.Errorf("%s is taken for an erasure", name)
		}
	}
}

// A mark that erases, in frozen bytes.
func TestErasingMarkVector(t *testing.T) {
	name := "manifests/0ce2e8589c2226b5feffe35eb440816c/fffffe632fad5377-" + strings.Repeat("11", 32)
	payload, err := format.Encode(Mark{Manifest: []byte(name), Erase: true})
	if err != nil {
		t.Fatal(err)
	}
	if want := "a201587c" + hex.EncodeToString([]byte(name)) + "04f5"; hex.EncodeToString(payload) != want {
		t.Errorf("%x, want %s", payload, want)
	}
	if again, err := ParseMark(payload); err != nil || !again.Erase {
		t.Errorf("%+v, %v", again, err)
	}
}
