// Package farline makes a server on this machine as far away as a network makes it. A Listener
// gives its server connections over a Line, on which everything arrives half a round trip after it
// was sent (conn.go). Opening a connection takes one and a half: the program that connects may send
// after one, and the server knows of the connection half a round trip later. The kernel does not
// delay anything, so this needs no rights.
//
// A Line may also be limited to a rate, each way, for all its connections together.
package farline

import (
	"sync"
	"time"
)

// Line is a network line, which all connections of its Listeners share. A Line that is in use must
// not be changed.
type Line struct {
	RoundTrip time.Duration // there and back
	Rate      int64         // bits a second, each way; 0: not limited

	up, down way // to the server, and from it
}

// way is one of the directions of a line.
type way struct {
	mu   sync.Mutex
	free time.Time // when everything that was sent has left
}

// ahead is how far what is sent may be ahead of a limited line. It is more than a timer may be
// late, and small enough that connections take turns.
const ahead = 10 * time.Millisecond

// send waits until n bytes may be sent, and returns when they arrive.
func (l *Line) send(w *way, n int) time.Time {
	left := time.Now()
	if l.Rate > 0 {
		w.mu.Lock()
		if w.free.Before(left) {
			w.free = left
		}
		w.free = w.free.Add(time.Duration(int64(n) * 8 * int64(time.Second) / l.Rate))
		left = w.free
		w.mu.Unlock()
		time.Sleep(time.Until(left) - ahead)
	}
	return left.Add(l.RoundTrip / 2)
}
