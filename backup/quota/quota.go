package quota

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/time/rate"

	"github.com/mailstrata/mailstrata/mail"
)

// ErrSpent ends a harvest: the budget of the day is used up.
var ErrSpent = errors.New("the budget of the day is used up")

// Quota counts what comes from the server, and holds it back.
type Quota struct {
	limiter *rate.Limiter // nil: none

	mu       sync.Mutex
	bounded  bool
	left     int64 // of the day's budget, when this run began
	granted  int64 // sizes of messages that were let pass
	received int64
	written  int64 // of received, what is in this run's manifests
}

func New(second int64) *Quota {
	q := &Quota{}
	if second > 0 {
		q.limiter = rate.NewLimiter(rate.Limit(second), int(min(second, 1<<20)))
	}
	return q
}

// SetLeft gives a run what is left of the day.
func (q *Quota) SetLeft(left int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.bounded, q.left = true, left
}

// Spent reports whether nothing is left.
func (q *Quota) Spent() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.isSpent()
}

// Err is ErrSpent where nothing is left.
func (q *Quota) Err() error {
	if q.Spent() {
		return ErrSpent
	}
	return nil
}

func (q *Quota) isSpent() bool { return q.bounded && max(q.granted, q.received) >= q.left }

// Afford gives, of messages that are to be downloaded, those that the budget has room for. The last one may exceed it: else
// one that is larger than a day's budget would never come.
func (q *Quota) Afford(messages []mail.Message) []mail.Message {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range messages {
		if q.isSpent() {
			return messages[:i]
		}
		if size := messages[i].Size; size <= mail.MaxMessage { // a larger one is wrong, or does not come
			q.granted += max(0, size)
		}
	}
	return messages
}

// Add counts bytes, and waits until so many may have come.
func (q *Quota) Add(ctx context.Context, n int) error {
	q.mu.Lock()
	q.received += int64(n)
	q.mu.Unlock()
	for q.limiter != nil && n > 0 {
		piece := min(n, q.limiter.Burst())
		if err := q.limiter.WaitN(ctx, piece); err != nil {
			return err
		}
		n -= piece
	}
	return nil
}

// Unwritten is what no manifest of this run tells yet; Wrote says that one does.
func (q *Quota) Unwritten() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.received - q.written
}

func (q *Quota) Wrote(bytes int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.written += bytes
}
