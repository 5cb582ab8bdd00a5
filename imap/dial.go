package imap

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"

	"github.com/mailstrata/mailstrata/imap/internal/netconn"
)

// Dialer makes the connections of one run to an account. What one connection finds out about the
// server counts for the next ones. It is safe for concurrent use.
type Dialer struct {
	opts   Options
	quirks *quirks
	dialed atomic.Int64 // connections so far
}

// NewDialer returns a Dialer. It does not connect yet.
func NewDialer(opts Options) *Dialer {
	if opts.Trace != nil {
		opts.Trace = &lockedWriter{w: opts.Trace}
	}
	return &Dialer{opts: opts, quirks: newQuirks(&opts)}
}

// Dial connects, secures the connection, and logs in. It sends ID and ENABLE, but does not wait for
// the answers (Conn.Introduced). utf8 asks for names and headers in UTF-8.
func (d *Dialer) Dial(ctx context.Context, utf8 bool) (*Conn, error) {
	opts := &d.opts
	if opts.Security == Plain && !opts.Insecure && !isLoopback(opts.Host) {
		return nil, fmt.Errorf("%w: %s would be used without encryption; use imaps://, or allow plain text explicitly",
			ErrInsecure, opts.Host)
	}
	if err := opts.Logins.admit(opts); err != nil {
		return nil, err
	}
	id := d.dialed.Add(1)
	netConn, err := opts.dial(ctx)
	if err != nil {
		return nil, dialError(ctx, opts, err)
	}
	c := newConn(opts, d.quirks, netConn, int(id))
	stop := c.CloseOnDone(ctx)
	err = (&handshake{c}).run(ctx, utf8)
	stop()
	if err != nil {
		err = c.OrCause(ctx, err)
		c.socket.Close()
		return nil, err
	}
	return c, nil
}

// LostOptional reports, once, whether the latest connection was lost during a command that the run
// can do without, so that another attempt differs.
func (d *Dialer) LostOptional() bool { return d.quirks.lostOptional() }

// newConn returns a Conn over a network connection. id is its number in the trace.
func newConn(opts *Options, q *quirks, netConn net.Conn, id int) *Conn {
	c := &Conn{opts: opts, quirks: q, enabled: capabilities{}}
	if opts.Trace != nil {
		c.trace = &tracer{out: opts.Trace, id: id}
	}
	c.socket = &netconn.Conn{Conn: netConn, Stall: opts.stall(), Silence: q.silence}
	c.socket.OnSilence = c.probeForLoss
	c.adopt(c.socket)
	return c
}

// dialError makes an error of a failed connection. A name that does not exist is a final error;
// others are temporary.
func dialError(ctx context.Context, opts *Options, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsNotFound {
		return &connectionError{text: "no host is named " + opts.Host, err: dns, permanent: true}
	}
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	return &connectionError{text: fmt.Sprintf("cannot reach %s: %v", opts.Address(), err), err: err}
}
