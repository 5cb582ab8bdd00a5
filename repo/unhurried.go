package repo

import (
	"context"
	"time"
)

// Unhurried is a context that outlasts an interruption by a while. What lays what is there (Writer.Commit) had better have one
// from its beginning: a writer that is called off in the middle can put nothing more.
func Unhurried(ctx context.Context, by time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		time.AfterFunc(by, func() { cancel(context.Cause(ctx)) })
	})
	return longer, func() {
		stop()
		cancel(nil)
	}
}
