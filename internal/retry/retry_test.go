package retry_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/internal/retry"
)

// A wait is from the upper half of what doubles, and never longer than the longest.
func TestBackoff(t *testing.T) {
	b := retry.Backoff{First: time.Second, Longest: 10 * time.Second}
	for failures, whole := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 4: 8 * time.Second, 5: 10 * time.Second, 1000: 10 * time.Second} {
		for range 100 {
			if wait := b.Wait(failures); wait < whole/2 || wait > whole {
				t.Fatalf("after %d failures it waits %v", failures, wait)
			}
		}
	}
}

// Sleep ends early with the cause of its context.
func TestSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		cause := errors.New("interrupted")
		time.AfterFunc(time.Second, func() { cancel(cause) })
		began := time.Now()
		if err := retry.Sleep(ctx, time.Minute); err != cause || time.Since(began) != time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

// Waits at the same time count once, and too many of them are refused.
func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b retry.Budget
		cause := errors.New("busy")
		for range 100 {
			if err := b.Spend(time.Hour, cause); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Hour)
		if err := b.Spend(retry.MaxSuggested, cause); err == nil || errors.Is(err, cause) {
			t.Errorf("five hours in all: %v", err)
		}
	})
}
