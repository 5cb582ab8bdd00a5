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
	return fmt.Sprintf("reading the account exceeded its time limit of %v (--time-limit), after %d messages; "+
		"the server answers too slowly or endlessly", e.limit, e.messages)
}

// readInTime calls read within the account's time limit, which counts from the first of several runs.
func (a *accountRun) readInTime(ctx context.Context) (*manifest.Manifest, error) {
	limit := cmp.Or(a.TimeLimit, TimeLimit)
	if a.began.IsZero() {
		*a.began = time.Now()
	}
	late := errors.New("time limit exceeded")
	ctx, cancel := context.WithDeadlineCause(ctx, a.began.Add(limit), late)
	defer cancel()
	m, err := a.read(ctx)
	if err != nil && context.Cause(ctx) == late {
		return nil, &tooLongError{limit, a.progress.messages()}
	}
	return m, err
}
