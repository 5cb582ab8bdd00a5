package mail

import (
	"testing"
	"unicode/utf8"
)

func TestNamesDecode(t *testing.T) {
	for _, test := range []struct {
		raw, name string
		ok        bool
	}{
		{"INBOX", "INBOX", true},
		{"Entw&APw-rfe", "Entwürfe", true},
		{"&U,BTFw-/&ZeVnLIqe-", "台北/日本語", true},
		{"a&-b", "a&b", true},
		{"&2D3eAA-", "😀", true},
		{"caf\xc3\xa9", "café", true}, // UTF-8 outright
		{"caf\xe9", "", false},        // Latin-1
		{"R&D", "", false},            // an "&" that nobody escaped
		{"&2D0-", "", false},          // half a surrogate pair
		{"&A-", "", false},
		{"&!!-", "", false},
		{"&AP", "", false},
	} {
		if name, ok := DecodeName(test.raw); ok != test.ok || ok && name != test.name {
			t.Errorf("%q: have %q, %v", test.raw, name, ok)
		}
	}
}

// Encoded names can be decoded.
func FuzzNames(f *testing.F) {
	for _, seed := range []string{"INBOX", "Entwürfe & Co", "台北/日本語", "😀", "&", "&-", "a\x00b", "\x7f"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		DecodeName(name)
		if !utf8.ValidString(name) {
			return
		}
		raw := EncodeName(name)
		if back, ok := DecodeName(raw); !ok || back != name {
			t.Errorf("%q became %q and %q", name, raw, back)
		}
	})
}
