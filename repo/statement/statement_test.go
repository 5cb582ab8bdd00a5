package statement

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/repo/format"
)

// The example of docs/format.md, "Marks, condemnations and notes".
func TestNoteVector(t *testing.T) {
	name := "manifests/0ce2e8589c2226b5feffe35eb440816c/fffffe632fad5377-" + strings.Repeat("11", 32)
	n := TagSet{Manifest: []byte(name), Number: 2, Set: [][]byte{[]byte("move"), []byte("pinned")}, Taken: [][]byte{[]byte("old")}}
	payload, err := format.Encode(n)
	if err != nil {
		t.Fatal(err)
	}
	want := "a401587c" + hex.EncodeToString([]byte(name)) + "0202" + "0382446d6f76654670696e6e6564" + "0481436f6c64"
	if hex.EncodeToString(payload) != want {
		t.Errorf("%x", payload)
	}
	if again, err := ParseTagSet(payload); err != nil || again.Number != 2 || len(again.Set) != 2 {
		t.Errorf("%+v, %v", again, err)
	}
}

// The example of docs/format.md, of a mark of two manifests.
func TestMarkVector(t *testing.T) {
	name := func(digit string) []byte {
		return []byte("manifests/0ce2e8589c2226b5feffe35eb440816c/fffffe632fad5377-" + strings.Repeat(digit, 64))
	}
	payload, err := format.Encode(Mark{Manifest: name("1"), Parent: bytes.Repeat([]byte{7}, 32), More: []MarkRow{{Manifest: name("2"), Parent: []byte{}}}})
	if err != nil {
		t.Fatal(err)
	}
	want := "a301587c" + hex.EncodeToString(name("1")) + "025820" + strings.Repeat("07", 32) + "0381" + "82587c" + hex.EncodeToString(name("2")) + "40"
	if hex.EncodeToString(payload) != want {
		t.Errorf("%x", payload)
	}
	m, err := ParseMark(payload)
	if err != nil || len(m.rows()) != 2 {
		t.Errorf("%+v, %v", m, err)
	}
	if null, err := format.Encode(Mark{Manifest: name("1"), More: []MarkRow{{Manifest: name("2")}}}); err != nil {
		t.Fatal(err)
	} else if _, err := ParseMark(null); !errors.Is(err, format.ErrDamaged) {
		t.Errorf("null for no parent: %v", err)
	}
	m.More[0].Manifest = name("0")
	if payload, err = format.Encode(m); err != nil {
		t.Fatal(err)
	}
	if _, err := ParseMark(payload); !errors.Is(err, format.ErrDamaged) {
		t.Errorf("names that do not ascend: %v", err)
	}
}
