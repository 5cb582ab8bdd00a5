package grace_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/internal/grace"
)

// The context outlives its parent by the period, and ends with the parent's cause.
func TestContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		parent, cancel := context.WithCancelCause(t.Context())
		ctx, done := grace.Context(parent, time.Minute)
		defer done()
		time.Sleep(time.Hour)
		cause := errors.New("interrupted")
		cancel(cause)
		ended := time.Now()
		time.Sleep(59 * time.Second)
		if ctx.Err() != nil {
			t.Fatalf("it ends %v after its parent", time.Since(ended))
		}
		<-ctx.Done()
		if since := time.Since(ended); since != time.Minute || context.Cause(ctx) != cause {
			t.Errorf("it ends %v after its parent, with %v", since, context.Cause(ctx))
		}
	})
}
