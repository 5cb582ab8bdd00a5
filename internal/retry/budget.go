package retry

import (
	"fmt"
	"sync"
	"time"
)

// MaxSuggested is how long one run waits in all because a server suggests it. A server that asks
// again and again would otherwise hold a run that gets nothing done.
const MaxSuggested = 4 * time.Hour

// Budget sums the waits that the server of one account suggests in a run, up to MaxSuggested. Waits
// of several connections at the same time count once. Its methods may be called from several
// goroutines.
type Budget struct {
	Report func(wait time.Duration, cause error) // called before each wait; may be nil

	mu    sync.Mutex
	until time.Time
	sum   time.Duration
}

// Spend counts a wait that the server suggested in cause. It returns an error, which does not wrap
// cause, if the budget is used up.
func (b *Budget) Spend(wait time.Duration, cause error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	until := now.Add(wait)
	if b.until.Before(now) {
		b.until = now
	}
	if more := until.Sub(b.until); more > 0 {
		b.sum, b.until = b.sum+more, until
	}
	if b.sum > MaxSuggested {
		return fmt.Errorf("the server asked to wait for %v in all, and a run waits at most %v; a later run continues: %v",
			b.sum.Round(time.Second), MaxSuggested, cause)
	}
	if b.Report != nil {
		b.Report(wait, cause)
	}
	return nil
}
