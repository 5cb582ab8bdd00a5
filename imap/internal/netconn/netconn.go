// Package netconn is a network connection that counts its bytes and gives up when the peer stalls.
// The only thing that it knows of the protocol is that a response has been read
// (Conn.ResponseRead).
//
// quickack_linux.go acknowledges data at once where a peer waits for that.
package netconn

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/mailstrata/mailstrata/internal/silence"
)

// Conn turns silence into an error: each read or write must move a byte within Stall. The time that
// the caller takes between two reads does not count.
type Conn struct {
	net.Conn
	Stall    time.Duration
	QuickAck bool // acknowledge what comes at once

	OnSilence func()         // called when nothing has come for some time; may be nil
	Silence   *silence.Watch // of the account; may be nil

	bytes  int           // of the response being read, until they reach paceBytes
	waited time.Duration // for these bytes, after the first of them

	reading bool // OnSilence writes during a read
}

// paceBytes is the number of bytes of a response that must come within Stall. The slowest lines are
// much faster.
const paceBytes = 1 << 10

// ResponseRead restarts the measurement of the pace, after a whole response.
func (c *Conn) ResponseRead() { c.bytes, c.waited = 0, 0 }

// checkPace returns an error if a response comes too slowly. The wait for its first byte does not
// count, and neither does the time between two reads.
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
	defer c.watch()()
	c.reading = true
	began := time.Now()
	n, err := c.read(p)
	c.reading = false
	if err == nil {
		err = c.checkPace(n, time.Since(began))
	}
	return n, c.explain(err)
}

// watch begins a wait for the server, and returns what ends it. A wait that ends before a silence
// is reported is not watched, and neither is what OnSilence writes: it would end the silence.
func (c *Conn) watch() (end func()) {
	if c.Silence == nil || c.reading || c.Stall <= silence.First {
		return func() {}
	}
	c.Silence.Begin()
	return c.Silence.End
}

// silenceAfter is how long nothing comes before OnSilence is called, or a quarter of Stall if that
// is less.
const silenceAfter = 10 * time.Second

// read reads, and calls OnSilence once if nothing comes.
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
	defer c.watch()()
	if err := c.SetWriteDeadline(time.Now().Add(c.Stall)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(p)
	return n, c.explain(err)
}

// ErrStalled means that the server neither sends nor receives, or sends nothing that answers a
// command.
var ErrStalled = errors.New("the connection stalled")

func (c *Conn) explain(err error) error {
	if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
		return fmt.Errorf("%w: nothing moved for %v", ErrStalled, c.Stall)
	}
	return err
}
