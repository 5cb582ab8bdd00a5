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
}

func (w *wire) Read(p []byte) (int, error) {
	if err := w.SetReadDeadline(time.Now().Add(w.stall)); err != nil {
		return 0, err
	}
	if w.prompt {
		acknowledgeAtOnce(w.Conn)
	}
	n, err := w.Conn.Read(p)
	w.traffic.in.Add(int64(n))
	return n, w.explain(err)
}

func (w *wire) Write(p []byte) (int, error) {
	if err := w.SetWriteDeadline(time.Now().Add(w.stall)); err != nil {
		return 0, err
	}
	n, err := w.Conn.Write(p)
	w.traffic.out.Add(int64(n))
	return n, w.explain(err)
}

// errStalled: the other side neither speaks nor listens.
var errStalled = errors.New("nothing moved")

func (w *wire) explain(err error) error {
	if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
		return fmt.Errorf("%w for %v", errStalled, w.stall)
	}
	return err
}
