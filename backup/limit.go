package backup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mailstrata/mailstrata/manifest"
)

// TimeLimit is how long an account may take by default. A server that answers without end must not hold a run for ever.
const TimeLimit = 48 * time.Hour

// tooLongError is the error of an account that took longer than its limit.
type tooLongError struct {
	limit    time.Duration
	messages int64
}

func (e *tooLongError) Error() string {
	return fmt.Sprintf("the account took longer than its limit of time, %v (--time-limit), and %d messages were read; the server answers too slowly, "+
		"or without end", e.limit, e.messages)
}

// recordInTime calls record within the account's limit of time, which counts from the first of several runs.
func (w *walk) recordInTime(ctx context.Context) (*manifest.Manifest, error) {
	limit := cmp.Or(w.account.TimeLimit, TimeLimit)
	if w.account.began.IsZero() {
		*w.account.began = time.Now()
	}
	late := errors.New("the limit of time is over")
	ctx, cancel := context.WithDeadlineCause(ctx, w.account.began.Add(limit), late)
	defer cancel()
	m, err := w.record(ctx)
	if err != nil && context.Cause(ctx) == late {
		w.mu.Lock()
		defer w.mu.Unlock()
		return nil, &tooLongError{limit, w.progress.Messages}
	}
	return m, err
}
