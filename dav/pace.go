package dav

import (
	"cmp"
	"context"
	"sync"
	"time"
)

// atOnce is how many requests are under way at once, until the server asks for less.
const atOnce = 8

// pace bounds how many requests are under way, and when the next may begin. Each answer that asks
// to wait (429, 503) makes all requests wait, and halves their number for the rest of the
// connection.
type pace struct {
	maxWait time.Duration

	mu     sync.Mutex
	limit  int           // of busy
	busy   int           // requests under way
	freed  chan struct{} // closed when a request ends, or limit changes
	until  time.Time     // before this no request begins
	waited time.Duration // since a request succeeded
}

func newPace(maxWait time.Duration) *pace {
	return &pace{maxWait: cmp.Or(maxWait, 5*time.Minute), limit: atOnce, freed: make(chan struct{})}
}

// begin waits until a request may begin. end must follow.
func (p *pace) begin(ctx context.Context) error {
	for {
		p.mu.Lock()
		wait := time.Until(p.until)
		if wait <= 0 && p.busy < p.limit {
			p.busy++
			p.mu.Unlock()
			return nil
		}
		freed := p.freed
		p.mu.Unlock()
		var timer <-chan time.Time
		if wait > 0 {
			freed, timer = nil, time.After(wait)
		}
		select {
		case <-freed:
		case <-timer:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// end ends a request.
func (p *pace) end(succeeded bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy--
	if succeeded {
		p.waited = 0
	}
	close(p.freed)
	p.freed = make(chan struct{})
}

// slow makes all requests wait, and be fewer. It reports whether they may wait that long: without a
// request that succeeds they wait for no more than maxWait in all.
func (p *pace) slow(wait time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	until := time.Now().Add(wait)
	more := wait
	if left := time.Until(p.until); left > 0 { // they wait already, and it is the same wait
		more = max(0, wait-left)
	} else {
		p.limit = max(1, p.limit/2)
	}
	if p.waited+more > p.maxWait {
		return false
	}
	p.waited += more
	if until.After(p.until) {
		p.until = until
	}
	return true
}
