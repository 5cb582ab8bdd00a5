package history

import (
	"errors"
	"testing"
	"time"
)

func FuzzParseRef(f *testing.F) {
	for _, seed := range []string{"latest", "latest~2", "3f9a", "2026-03-08T14:30", "jo@example.org@latest", "@", "friday"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRef(text, time.Now())
		if err != nil {
			if !errors.Is(err, ErrRef) {
				t.Fatalf("an error that is not ErrRef: %v", err)
			}
			return
		}
		if r.String() != text {
			t.Fatalf("%q becomes %q", text, r)
		}
	})
}
