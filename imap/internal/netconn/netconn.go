package netconn

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

// Conn counts what passes, and turns silence into an error: each read or write must move a byte within the stall.
// There is no bound on how long the archive may take between two reads.
type Conn struct {
	net.Conn
	Traffic  *Traffic
	Stall    time.Duration
	QuickAck bool // what comes is acknowledged at once

	OnSilence func() // is called once in a while in which nothing comes; may be nil

	bytes  int           // bytes of the response under way, or of as much of it as counts
	waited time.Duration // for these, after the first of them
}

// paceBytes is the number of bytes of a response that must come within the stall. The slowest lines are much faster.
const paceBytes = 1 << 10

// ResponseRead restarts the measurement, after a whole response.
func (c *Conn) ResponseRead() { c.bytes, c.waited = 0, 0 }

// checkPace returns an error if a response comes too slowly. The wait for its first byte does not count, and neither does the time
// that this host takes between two reads.
func (c *Conn) checkPace(n int, wait time.Duration) error {
	if c.bytes > 0 {
		c.waited += wait
	}
	if c.bytes += n; c.bytes >= paceBytes {
		c.ResponseRead()
	} else if c.waited > c.Stall {
		return fmt.Errorf("%w: a response came at %d bytes in %v", ErrStalled, c.bytes, c.waited.Round(time.Second))
	}
	return nil
}

func (c *Conn) Read(p []byte) (int, error) {
	began := time.Now()
	n, err := c.read(p)
	c.Traffic.in.Add(int64(n))
	if err == nil {
		err = c.checkPace(n, time.Since(began))
	}
	return n, c.explain(err)
}

// silenceAfter is how long nothing comes until the client looks whether the server still knows what was asked. It is no more
// than a quarter of the stall.
const silenceAfter = 10 * time.Second

// read reads, and nudges in the meantime.
func (c *Conn) read(p []byte) (n int, err error) {
	first := c.Stall
	if c.OnSilence != nil {
		first = min(silenceAfter, c.Stall/4)
	}
	for _, wait := range []time.Duration{first, c.Stall - first} {
		if err := c.SetReadDeadline(time.Now().Add(wait)); err != nil {
			return 0, err
		}
		if c.QuickAck {
			quickAck(c.Conn)
		}
		n, err = c.Conn.Read(p)
		timeout, ok := err.(net.Error)
		if n > 0 || !ok || !timeout.Timeout() || wait == c.Stall || c.OnSilence == nil {
			return n, err
		}
		if wait == first {
			c.OnSilence()
		}
	}
	return n, err
}

func (c *Conn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.Stall)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(p)
	c.Traffic.out.Add(int64(n))
	return n, c.explain(err)
}

// ErrStalled: the server neither sends nor receives, or sends nothing that answers a command.
var ErrStalled = errors.New("the connection stalled")

func (c *Conn) explain(err error) error {
	if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
		return fmt.Errorf("%w: nothing moved for %v", ErrStalled, c.Stall)
	}
	return err
}
