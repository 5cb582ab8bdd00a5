package imap

import (
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"
)

// Traffic counts bytes on the wire, over all the connections that share it.
type Traffic struct{ in, out atomic.Int64 }

// Bytes is what was received and sent so far, as it went over the network.
func (t *Traffic) Bytes() (in, out int64) { return t.in.Load(), t.out.Load() }

// wire counts what passes, and turns silence into an error: each read or write must move a byte within the stall.
// There is no bound on how long the archive may take between two reads.
type wire struct {
	net.Conn
	traffic *Traffic
	stall   time.Duration
	prompt  bool // what comes is acknowledged at once

	nudge func() // is called once in a while in which nothing comes; may be nil

	moved  int           // bytes of the response under way, or of as much of it as counts
	waited time.Duration // for these, after the first of them
}

// enough is the number of bytes of a response that must come within the stall. The slowest lines are much faster.
const enough = 1 << 10

// rest restarts the measurement, after a whole response.
func (w *wire) rest() { w.moved, w.waited = 0, 0 }

// crawl returns an error if a response comes too slowly. The wait for its first byte does not count, and neither does the time
// that this host takes between two reads.
func (w *wire) crawl(n int, wait time.Duration) error {
	if w.moved > 0 {
		w.waited += wait
	}
	if w.moved += n; w.moved >= enough {
		w.rest()
	} else if w.waited > w.stall {
		return fmt.Errorf("%w: a response came at %d bytes in %v", errStalled, w.moved, w.waited.Round(time.Second))
	}
	return nil
}

func (w *wire) Read(p []byte) (int, error) {
	began := time.Now()
	n, err := w.wait(p)
	w.traffic.in.Add(int64(n))
	if err == nil {
		err = w.crawl(n, time.Since(began))
	}
	return n, w.explain(err)
}

// nudgeAfter is how long nothing comes until the client looks whether the server still knows what was asked. It is no more
// than a quarter of the stall.
const nudgeAfter = 10 * time.Second

// wait reads, and nudges in the meantime.
func (w *wire) wait(p []byte) (n int, err error) {
	first := w.stall
	if w.nudge != nil {
		first = min(nudgeAfter, w.stall/4)
	}
	for _, wait := range []time.Duration{first, w.stall - first} {
		if err := w.SetReadDeadline(time.Now().Add(wait)); err != nil {
			return 0, err
		}
		if w.prompt {
			acknowledgeAtOnce(w.Conn)
		}
		n, err = w.Conn.Read(p)
		timeout, ok := err.(net.Error)
		if n > 0 || !ok || !timeout.Timeout() || wait == w.stall || w.nudge == nil {
			return n, err
		}
		if wait == first {
			w.nudge()
		}
	}
	return n, err
}

func (w *wire) Write(p []byte) (int, error) {
	if err := w.SetWriteDeadline(time.Now().Add(w.stall)); err != nil {
		return 0, err
	}
	n, err := w.Conn.Write(p)
	w.traffic.out.Add(int64(n))
	return n, w.explain(err)
}

// errStalled: the server neither sends nor receives, or sends nothing that answers a command.
var errStalled = errors.New("the connection stalled")

func (w *wire) explain(err error) error {
	if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
		return fmt.Errorf("%w: nothing moved for %v", errStalled, w.stall)
	}
	return err
}
