//go:build linux || darwin || freebsd

package hostlock

import (
	"context"
	"errors"
	"os"
	"strconv"
	"testing"
	"time"
)

// One has the lock at a time; who waits learns which process has it, and gets it when that gives it back.
func TestOneAtATime(t *testing.T) {
	dir := t.TempDir()
	never := func(string) { t.Error("it waits") }
	first, err := Acquire(t.Context(), dir, "a", never)
	if err != nil {
		t.Fatal(err)
	}
	other, err := Acquire(t.Context(), dir, "b", never)
	if err != nil {
		t.Fatal(err)
	}
	other.Release()

	waits := 0
	second, err := Acquire(t.Context(), dir, "a", func(process string) {
		waits++
		if process != strconv.Itoa(os.Getpid()) {
			t.Errorf("process %q", process)
		}
		first.Release()
	})
	if err != nil || waits != 1 {
		t.Fatal(waits, err)
	}
	defer second.Release()

	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := Acquire(ctx, dir, "a", func(string) {}); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
