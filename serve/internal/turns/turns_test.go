package turns_test

import (
	"context"
	"testing"

	"github.com/mailstrata/mailstrata/serve/internal/turns"
)

// A turn that is taken is free again when it ends, and nobody waits for longer than a context.
func TestTake(t *testing.T) {
	all := turns.New(1)
	end, err := all.Take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := all.Take(ended); err == nil {
		t.Error("two turns at once")
	}
	end()
	if end, err = all.Take(t.Context()); err != nil {
		t.Fatal(err)
	}
	end()
}
