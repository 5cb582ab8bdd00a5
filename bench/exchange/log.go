// Package exchange stands between a program and its servers, and records how often it waited for
// one: each exchange begins when the program asks and ends when the whole answer has come. A
// request to an object store is an exchange (store.go). On a connection to a mail server, so is
// what the program wrote, together with what the server wrote before the program wrote again
// (mail.go): commands that are sent ahead are one exchange. So are the handshakes of TCP and TLS
// (listener.go).
//
// From the exchanges follows the longest chain of them that came one after the other (log.go): as
// many round trips as the program waited for, however fast it computes and the servers answer.
package exchange

import (
	"net/http"
	"slices"
	"sync"
	"time"
)

// Summary is what a command exchanged. On a line without length there are no chains: of two
// requests that are sent at once, one may be answered before the other begins.
type Summary struct {
	Requests             int // to the object store, of these methods and others
	Get, List, Put, Head int

	Chain int // the longest chain of these
	Trips int // the longest chain of exchanges of any kind, handshakes included

	Read, Written int64 // bytes of the bodies of answers of the object store, and of requests
}

// Log records the exchanges over a line. It is safe for concurrent use.
type Log struct {
	half time.Duration // how long everything takes to arrive

	mu        sync.Mutex
	exchanges []*exchange
	sum       Summary
}

// NewLog returns a Log of a line that is so long.
func NewLog(roundTrip time.Duration) *Log { return &Log{half: roundTrip / 2} }

// exchange is one, as the program sees it. An exchange without answer has no end.
type exchange struct {
	store      bool
	begin, end time.Time
}

// Take returns what was exchanged since the last Take. Exchanges whose answers come later do not
// count in either.
func (l *Log) Take() Summary {
	l.mu.Lock()
	defer l.mu.Unlock()
	sum := l.sum
	var all, store []exchange
	for _, e := range l.exchanges {
		if e.end.IsZero() {
			continue
		}
		all = append(all, *e)
		if e.store {
			store = append(store, *e)
		}
	}
	sum.Requests = len(store)
	if l.half > 0 {
		sum.Chain, sum.Trips = chain(store, l.half/5), chain(all, l.half/5)
	}
	l.sum, l.exchanges = Summary{}, nil
	return sum
}

// asked begins an exchange: what the program asked has arrived now.
func (l *Log) asked(store bool) *exchange {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := &exchange{store: store, begin: time.Now().Add(-l.half)}
	l.exchanges = append(l.exchanges, e)
	return e
}

// answered ends an exchange, or extends it: the end of the answer leaves now.
func (l *Log) answered(e *exchange) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.end = time.Now().Add(l.half)
}

// passed adds an exchange that is over.
func (l *Log) passed(begin, end time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.exchanges = append(l.exchanges, &exchange{begin: begin, end: end})
}

// carried counts a request, and the bytes to the object store and from it.
func (l *Log) carried(method string, written, read int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch method {
	case http.MethodGet:
		l.sum.Get++
	case methodList:
		l.sum.List++
	case http.MethodPut:
		l.sum.Put++
	case http.MethodHead:
		l.sum.Head++
	}
	l.sum.Written += written
	l.sum.Read += read
}

// chain returns the length of the longest chain of exchanges of which each begins after the end of
// the one before. The log sees ends late, when the last bytes have been written: an overlap of the
// slack does not count.
func chain(exchanges []exchange, slack time.Duration) (n int) {
	slices.SortFunc(exchanges, func(a, b exchange) int { return a.end.Compare(b.end) })
	var last time.Time
	for _, e := range exchanges {
		if !e.begin.Add(slack).Before(last) {
			n, last = n+1, e.end
		}
	}
	return n
}
