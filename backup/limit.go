package backup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mailstrata/mailstrata/manifest"
)

// TimeLimit is the default for how long reading an account may take. A server that answers endlessly must not hold a
// run forever.
const TimeLimit = 48 * time.Hour

// tooLongError reports that reading an account exceeded its time limit.
type tooLongError struct {
	limit    time.Duration
	messages int64
}

func (e *tooLongError) Error() string {
	return fmt.Sprintf("the account took longer than its limit of time, %v (--time-limit), and %d messages were read; the server answers too slowly, "+
		"or without end", e.limit, e.messages)
}

// readInTime calls read within the account's time limit, which counts from the first of several runs.
func (a *accountRun) readInTime(ctx context.Context) (*manifest.Manifest, error) {
	limit := cmp.Or(a.TimeLimit, TimeLimit)
	if a.began.IsZero() {
		*a.began = time.Now()
	}
	late := errors.New("the limit of time is over")
	ctx, cancel := context.WithDeadlineCause(ctx, a.began.Add(limit), late)
	defer cancel()
	m, err := a.read(ctx)
	if err != nil && context.Cause(ctx) == late {
		return nil, &tooLongError{limit, a.progress.messages()}
	}
	return m, err
}
