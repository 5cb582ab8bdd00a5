// Package inflight limits how many requests to a store are under way at once, by what the answers
// show of the store.
//
// A far store answers as fast when it has a hundred requests as when it has one, so there the limit
// doubles with each round trip, from First to Most. A store that is near or busy takes longer the
// more requests it has: more of them at once would take memory and gain nothing, so there the limit
// stays. A store that refuses because it has too many requests halves the limit, and for a few
// seconds nothing raises it.
//
// At the beginning each answer raises the limit by one, if it comes in time. From the first round
// on that takes longer, or the first refusal, the limit grows by an eighth a round. A round is as
// many answers as the limit allows requests, to requests of one kind that began in this round. Its
// median is compared with the lowest median so far. Medians are used and not single answers,
// because the times of a good store are spread widely: the fastest answer of a hundred may be four
// times as fast as the median. Kinds are apart, because a listing takes longer than a read whatever
// the load is.
package inflight

import (
	"container/list"
	"context"
	"slices"
	"sync"
	"time"
)

const (
	// First is the limit at the beginning. Latency alone never takes the limit below it.
	First = 32

	// Most bounds the limit.
	Most = 128

	// slack is by how much a median may always exceed the lowest one: differences below it are the
	// noise of hosts.
	slack = 4 * time.Millisecond

	// quiet is how long nothing raises the limit after a store has refused a request.
	quiet = 5 * time.Second

	// lasting is how long the lowest median counts.
	lasting = time.Minute
)

// Limit is a limit of requests under way. Its methods may be called from several goroutines.
type Limit struct {
	mu       sync.Mutex
	limit    int
	underWay int
	waiting  list.List // of chan struct{}, in the order in which they came

	doubling bool      // each answer in time raises the limit
	round    int       // number of the round; a request counts in the round in which it began
	began    int       // the limit when the round began
	full     bool      // in this round there were as many requests as the limit allows
	until    time.Time // nothing raises the limit before
	kinds    map[string]*kind
	since    time.Time // when the first of kinds was measured
}

// kind has the times of the answers to requests of a kind.
type kind struct {
	times  []time.Duration // of this round
	lowest time.Duration   // median of a round, and before the first one ends the fastest answer; 0: none yet
	judged bool            // a round has ended
}

// New returns a limit that begins at First.
func New() *Limit {
	return &Limit{limit: First, doubling: true, began: First, kinds: map[string]*kind{}}
}

// Request is a request under way. Call one of its methods, once, when its answer begins or it
// fails.
type Request struct {
	limit *Limit
	round int
}

// Begin waits until a request may begin. It returns the cause if ctx ends before. Requests begin in
// the order in which Begin was called.
func (l *Limit) Begin(ctx context.Context) (Request, error) {
	l.mu.Lock()
	if l.underWay < l.limit && l.waiting.Len() == 0 {
		defer l.mu.Unlock()
		return l.begin(), nil
	}
	ready := make(chan struct{})
	place := l.waiting.PushBack(ready)
	l.mu.Unlock()

	select {
	case <-ready:
	case <-ctx.Done():
		l.mu.Lock()
		defer l.mu.Unlock()
		select {
		case <-ready: // it may begin just now: let another begin in its place
			l.underWay--
			l.admit()
		default:
			l.waiting.Remove(place)
		}
		return Request{}, context.Cause(ctx)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return Request{l, l.round}, nil
}

// begin counts a request that begins now.
func (l *Limit) begin() Request {
	l.underWay++
	l.full = l.full || l.underWay >= l.limit
	return Request{l, l.round}
}

// admit lets those begin that wait, as far as the limit allows.
func (l *Limit) admit() {
	for l.underWay < l.limit && l.waiting.Len() > 0 {
		l.begin()
		close(l.waiting.Remove(l.waiting.Front()).(chan struct{}))
	}
}

// Answered ends a request whose answer began some time after it was sent.
func (r Request) Answered(of string, after time.Duration) {
	l := r.limit
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.kinds[of]
	if k == nil {
		k = new(kind)
		l.kinds[of] = k
	}
	if !k.judged && (k.lowest == 0 || after < k.lowest) {
		k.lowest = max(after, 1)
	}
	if l.doubling && l.underWay >= l.limit && l.limit < Most && !k.late(after) {
		l.limit++
	}
	l.underWay--
	if r.round == l.round {
		if k.times = append(k.times, after); len(k.times) >= l.began {
			l.judge(k)
		}
	}
	l.admit()
}

// Refused ends a request that the store refused because it has too many, or did not answer in time.
func (r Request) Refused() {
	l := r.limit
	l.mu.Lock()
	defer l.mu.Unlock()
	l.underWay--
	if r.round == l.round { // otherwise it is one of several that were refused together
		l.doubling = false
		l.until = time.Now().Add(quiet)
		l.next(max(1, l.limit/2))
	}
	l.admit()
}

// Ended ends a request that shows nothing of the store's load.
func (r Request) Ended() {
	r.limit.mu.Lock()
	defer r.limit.mu.Unlock()
	r.limit.underWay--
	r.limit.admit()
}

// late reports whether a time is longer than that of a store that is not busy.
func (k *kind) late(after time.Duration) bool {
	return after > k.lowest+k.lowest/2+slack
}

// judge ends a round with the times of a kind, and sets the limit.
func (l *Limit) judge(k *kind) {
	slices.Sort(k.times)
	median := max(k.times[len(k.times)/2], 1)
	if !k.judged || median < k.lowest {
		k.lowest, k.judged = median, true
	}
	now := time.Now()
	if l.since.IsZero() {
		l.since = now
	}
	switch {
	case now.Sub(l.since) > lasting: // routes change: measure all again, with few requests
		clear(l.kinds)
		l.since = time.Time{}
		l.next(min(l.limit, First))
	case k.late(median) && l.doubling:
		l.doubling = false
		l.next(max(l.began/2, First))
	case k.late(median):
		l.next(min(l.limit, max(l.limit-l.limit/8, First)))
	case l.full && !l.doubling && now.After(l.until):
		l.next(min(l.limit+max(1, l.limit/8), Most))
	default:
		l.next(l.limit)
	}
}

// next begins a round with a limit.
func (l *Limit) next(limit int) {
	l.limit, l.began = limit, limit
	l.full = l.underWay >= limit
	l.round++
	for _, k := range l.kinds {
		k.times = k.times[:0]
	}
}
