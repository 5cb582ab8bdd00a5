package localseal

import (
	"bytes"
	"testing"

	"github.com/mailstrata/mailstrata/repo/format"
)

// What is sealed opens under the same key and name, and under no other. Not one byte of it can
// change, and it is not readable.
func TestSeal(t *testing.T) {
	secret := format.Secret{1}
	k := NewKey("a use", secret, []string{"one", "two"})
	for _, content := range [][]byte{nil, []byte("x"), bytes.Repeat([]byte("content "), 20)} {
		file := k.Seal("name", content)
		if len(content) > 1 && bytes.Contains(file, []byte("content")) {
			t.Errorf("%q is readable", content)
		}
		if len(file) != len(content)+Overhead {
			t.Errorf("%d bytes take %d", len(content), len(file))
		}
		if got, ok := k.Open("name", bytes.Clone(file)); !ok || !bytes.Equal(got, content) {
			t.Errorf("%q opens as %q, %v", content, got, ok)
		}
		if _, ok := k.Open("other", bytes.Clone(file)); ok {
			t.Error("it opens under another name")
		}
		for what, other := range map[string]*Key{
			"use": NewKey("another use", secret, []string{"one", "two"}), "secret": NewKey("a use", format.Secret{2}, []string{"one", "two"}),
			"identities": NewKey("a use", secret, []string{"one"}), "order": NewKey("a use", secret, []string{"two", "one"}), "no key": nil,
		} {
			if _, ok := other.Open("name", bytes.Clone(file)); ok {
				t.Errorf("it opens under another key: %s", what)
			}
		}
		for i := range file {
			harmed := bytes.Clone(file)
			harmed[i] ^= 1
			if _, ok := k.Open("name", harmed); ok {
				t.Errorf("byte %d can change", i)
			}
			if _, ok := k.Open("name", bytes.Clone(file[:i])); ok {
				t.Errorf("%d bytes of it open", i)
			}
		}
	}
}
