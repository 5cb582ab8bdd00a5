// Package retry decides how long to wait before something that failed is tried again: a Backoff
// that doubles, with jitter, or the time that a server suggests in its error (Suggested), as far as
// a Budget allows. Sleep waits.
package retry

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// Backoff is a wait that doubles from one attempt to the next.
type Backoff struct {
	First, Longest time.Duration
}

// Wait returns how long to wait after the given number of failures, which counts from 1. It is
// chosen at random from the upper half of the doubled wait, so that clients that failed together do
// not come back together.
func (b Backoff) Wait(failures int) time.Duration {
	wait := min(b.First<<min(failures-1, 16), b.Longest)
	return wait/2 + rand.N(wait/2+1)
}

// Sleep waits. It returns early, with the cause, if ctx ends.
func Sleep(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Suggested returns how long the server that sent err asks the client to wait (Exchange's
// "Suggested Backoff Time"), or 0.
func Suggested(err error) time.Duration {
	var suggestion interface{ RetryAfter() time.Duration }
	if errors.As(err, &suggestion) {
		return suggestion.RetryAfter()
	}
	return 0
}
