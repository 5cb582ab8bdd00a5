package store_test

import (
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/repo/store"
)

func TestValidName(t *testing.T) {
	for _, name := range []string{"config", "packs/3f/3f9a-0", "a.b/..c/-", strings.Repeat("a", 255)} {
		if !store.ValidName(name) {
			t.Errorf("%q is refused", name)
		}
	}
	for _, name := range []string{
		"", ".", "..", "/", "a/", "/a", "a//b", "a/../b", "./a", "A", "a_b", "a b", "ä", "a\x00", `a\b`, "a:b",
		strings.Repeat("a", 256), strings.Repeat("a/", 300) + "a",
	} {
		if store.ValidName(name) {
			t.Errorf("%q is accepted", name)
		}
	}
}
