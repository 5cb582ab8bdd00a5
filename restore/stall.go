package restore

import (
	"cmp"
	"context"
	"fmt"
	"time"
)

// TimeLimit is how long nothing may be restored where nothing else is said. To compare what a target has can take hours
// for a window of large messages; a target that sends a byte now and then takes for ever.
const TimeLimit = 6 * time.Hour

// stallError is a restore that did not get on.
type stallError struct{ limit time.Duration }

func (e *stallError) Error() string {
	return fmt.Sprintf("nothing was restored for %v (--time-limit); the target or the repository answers too slowly or without an end. "+
		"Run the same restore again to go on", e.limit)
}

// watchStall ends the context when nothing was restored within the limit of time. The time in which a person is asked does not
// count.
func (o *Options) watchStall(ctx context.Context) (context.Context, func()) {
	limit := cmp.Or(o.TimeLimit, TimeLimit)
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(limit, func() { cancel(&stallError{limit}) })
	tell := o.Progress
	o.Progress = func(now Progress) {
		timer.Reset(limit)
		if tell != nil {
			tell(now)
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
