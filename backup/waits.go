package backup

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// WaitsMost is how long a server may ask to be left alone in one run, in all. One that asks again and again would hold a
// run that gets nothing done.
const WaitsMost = 4 * time.Hour

// Waits are the times for which the server of one account asked to be left alone in a run. Several connections that wait
// at the same time count once. Its methods may be called from several goroutines at once.
type Waits struct {
	Tell func(asked time.Duration, cause error) // is called before each wait; may be nil

	mu    sync.Mutex
	until time.Time
	sum   time.Duration
}

// Grant counts a wait that the server asked for by an error. It fails when the server has asked for too much, with an
// error that is not ErrTemporary.
func (w *Waits) Grant(asked time.Duration, cause error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	until := now.Add(asked)
	if w.until.Before(now) {
		w.until = now
	}
	if more := until.Sub(w.until); more > 0 {
		w.sum, w.until = w.sum+more, until
	}
	if w.sum > WaitsMost {
		return fmt.Errorf("the server asked to be left alone for %v in all, and a run waits %v at most; a later run goes on: %v",
			w.sum.Round(time.Second), WaitsMost, cause)
	}
	if w.Tell != nil {
		w.Tell(asked, cause)
	}
	return nil
}

// pause waits until the next attempt: as long as the server asked, or a little.
func (w *Waits) pause(ctx context.Context, attempt int, err error) error {
	if asked := RetryAfter(err); asked > 0 {
		if refused := w.Grant(asked, err); refused != nil {
			return refused
		}
	}
	return pause(ctx, backoff(attempt, err))
}
