// Package quota bounds what is downloaded from a server: for a day (Quota.SetLeft, Quota.Afford)
// and for a second (Limit).
package quota

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/time/rate"

	"github.com/mailstrata/mailstrata/mail"
)

// ErrSpent reports that the budget of the day is used up.
var ErrSpent = errors.New("the budget of the day is used up")

// Quota counts the bytes that come from a server, bounds them for a day and slows them down. Its
// methods may be called from several goroutines.
type Quota struct {
	limiter *rate.Limiter // nil: no limit

	mu       sync.Mutex
	bounded  bool
	left     int64 // of the day's budget, when the run began
	granted  int64 // sizes of messages that Afford let pass
	received int64
	written  int64 // of received, what is in manifests of this run
}

// New returns a Quota that lets so many bytes come in a second; 0: any number.
func New(second int64) *Quota {
	q := &Quota{}
	if second > 0 {
		q.limiter = rate.NewLimiter(rate.Limit(second), int(min(second, 1<<20)))
	}
	return q
}

// SetLeft sets how many bytes the run may download. Without it there is no bound.
func (q *Quota) SetLeft(left int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.bounded, q.left = true, left
}

// Err returns ErrSpent if nothing is left.
func (q *Quota) Err() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.isSpent() {
		return ErrSpent
	}
	return nil
}

func (q *Quota) isSpent() bool { return q.bounded && max(q.granted, q.received) >= q.left }

// Afford returns the leading messages that the quota has room for. The last one may exceed it:
// otherwise a message larger than a day's budget would never be downloaded.
func (q *Quota) Afford(messages []mail.Message) []mail.Message {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range messages {
		if q.isSpent() {
			return messages[:i]
		}
		if size := messages[i].Size; size <= mail.MaxMessage { // a larger one is an error of the server, or does not come
			q.granted += max(0, size)
		}
	}
	return messages
}

// Add counts n bytes, and waits as long as the rate requires.
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

// Unwritten returns the bytes that no manifest of this run accounts for yet.
func (q *Quota) Unwritten() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.received - q.written
}

// Wrote reports that a manifest of this run accounts for so many more bytes.
func (q *Quota) Wrote(bytes int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.written += bytes
}
