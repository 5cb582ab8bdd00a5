// Package grace gives work that must not stop halfway a while to finish after its context ends.
package grace

import (
	"context"
	"time"
)

// Context returns a copy of ctx that stays alive for the period after ctx ends, and then ends with
// the cause of ctx. The caller must call the returned function when the work is done.
//
// Derive it before the work begins: what has already seen ctx end cannot go on.
func Context(ctx context.Context, period time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		time.AfterFunc(period, func() { cancel(context.Cause(ctx)) })
	})
	return longer, func() {
		stop()
		cancel(nil)
	}
}
