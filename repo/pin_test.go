package repo_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// A pin is the file in which a host remembers a repository. Open ignores a pin that is empty after
// a power failure, and writes it again. Any other text that is not a pin is an error, because
// someone has changed the file.
func TestEmptyPin(t *testing.T) {
	store, state := new(storetest.Memory), t.TempDir()
	options := repo.Options{CacheDir: t.TempDir(), StateDir: state, Location: "there"}
	o := sealedOptions()
	o.Options = options
	mustInit(t, store, o)
	pins, _ := filepath.Glob(filepath.Join(state, "pin-*.json"))
	if len(pins) != 1 {
		t.Fatalf("%v are the pins", pins)
	}
	whole, err := os.ReadFile(pins[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, left := range []string{"", "\x00\x00\x00\x00", "{"} {
		if err := os.WriteFile(pins[0], []byte(left), 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := repo.Open(t.Context(), store, unlocked(), options)
		if left == "{" {
			if err == nil {
				r.Close()
				t.Error("a pin that someone changed is ignored")
			}
			continue
		}
		if err != nil {
			t.Fatalf("the pin is %q: %v", left, err)
		}
		if !r.Untrusted() {
			t.Errorf("the pin is %q, and the repository counts as remembered", left)
		}
		r.Close()
		if again, _ := os.ReadFile(pins[0]); string(again) != string(whole) {
			t.Errorf("the pin is not written again: %q", again)
		}
	}
}
