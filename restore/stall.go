package restore

import (
	"cmp"
	"context"
	"fmt"
	"time"
)

// defaultTimeLimit is the default of Options.TimeLimit. Comparing large messages in a target can
// take hours without progress; a target that sends a byte now and then would take forever.
const defaultTimeLimit = 6 * time.Hour

// stallError is the error of a restore that made no progress.
type stallError struct{ limit time.Duration }

func (e *stallError) Error() string {
	return fmt.Sprintf("nothing was restored for %v (--time-limit); the target or the repository is too slow. "+
		"Run the same restore again to continue", e.limit)
}

// watchStall returns a context that ends when nothing was restored within the time limit. Time
// spent waiting for a confirmation does not count.
func (o *Options) watchStall(ctx context.Context) (context.Context, func()) {
	limit := cmp.Or(o.TimeLimit, defaultTimeLimit)
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(limit, func() { cancel(&stallError{limit}) })
	progress := o.Progress
	o.Progress = func(now Progress) {
		timer.Reset(limit)
		if progress != nil {
			progress(now)
		}
	}
	if o.Mirror != nil && o.Mirror.Confirm != nil {
		mirror := *o.Mirror
		confirm := mirror.Confirm
		mirror.Confirm = func(ctx context.Context, plan MirrorReport) error {
			timer.Stop()
			defer timer.Reset(limit)
			return confirm(ctx, plan)
		}
		o.Mirror = &mirror
	}
	return ctx, func() {
		timer.Stop()
		cancel(nil)
	}
}
