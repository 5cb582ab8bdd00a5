// Package silence notices that a server does not answer, long before a limit of time ends the wait,
// so that the user does not think that the program hangs.
//
// A Watch is of one account, with all of its connections. Transport watches the requests of an HTTP
// client.
package silence

import (
	"sync"
	"time"
)

// First is the silence that is reported first. The next reports come after twice that, four times
// that, and so on.
const First = 30 * time.Second

// Watch measures for how long a server is silent: somebody waits for it all the time, and no byte
// moves on any of the connections to it. A nil Watch measures nothing. Its methods may be called
// from several goroutines.
type Watch struct {
	limit  time.Duration
	report func(silence, limit time.Duration)

	mu    sync.Mutex
	waits int           // that have begun and not ended
	since time.Time     // when the silence began
	next  time.Duration // the silence that is reported next
	armed bool          // check will be called
}

// New returns a Watch that calls report from a goroutine of its own, until the limit of the caller
// ends the wait. It returns nil if report is nil.
func New(limit time.Duration, report func(silence, limit time.Duration)) *Watch {
	if report == nil {
		return nil
	}
	return &Watch{limit: limit, report: report}
}

// Begin says that somebody waits for the server from now on.
func (w *Watch) Begin() {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waits++; w.waits == 1 {
		w.restart()
	}
	if !w.armed {
		w.armed = true
		time.AfterFunc(First, w.check)
	}
}

// End ends what Begin began. Whatever ended it, the silence has ended too.
func (w *Watch) End() {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waits--
	w.restart()
}

// Moved says that bytes have moved while somebody waits.
func (w *Watch) Moved() {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.restart()
}

func (w *Watch) restart() { w.since, w.next = time.Now(), First }

// check reports the silence if it is long enough. It arranges its next call by itself, so that what
// happens for each read costs no timer.
func (w *Watch) check() {
	w.mu.Lock()
	if w.waits == 0 {
		w.armed = false
		w.mu.Unlock()
		return
	}
	silence := time.Since(w.since)
	due := silence >= w.next && silence < w.limit
	for w.next <= silence {
		w.next *= 2
	}
	time.AfterFunc(w.next-silence, w.check)
	w.mu.Unlock()
	if due {
		w.report(silence, w.limit)
	}
}
