package imap

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/mailstrata/mailstrata/imap/internal/netconn"
)

// Dial connects, secures the connection, logs in, and exchanges ID, ENABLE and COMPRESS with the server.
func Dial(ctx context.Context, opts *Options) (*Client, error) {
	own := *opts
	own.quirks = newQuirks(&own)
	c, err := dial(ctx, &own, 1, true)
	if err != nil {
		return nil, err
	}
	defer c.closeOnDone(ctx)()
	if err := c.introduced(); err != nil {
		return nil, c.orCause(ctx, err)
	}
	return c, nil
}

// dial is Dial, but does not wait for the answers to ID and ENABLE (conn.introduced). id is the number of the connection
// in the trace. utf8 asks for names and headers in UTF-8.
func dial(ctx context.Context, opts *Options, id int, utf8 bool) (*Client, error) {
	if opts.Security == Plain && !opts.Insecure && !isLoopback(opts.Host) {
		return nil, fmt.Errorf("%w: %s would be used without encryption; use imaps://, or allow plain text explicitly",
			ErrInsecure, opts.Host)
	}
	if err := opts.Logins.admit(opts); err != nil {
		return nil, err
	}
	netConn, err := opts.dial(ctx)
	if err != nil {
		return nil, dialError(ctx, opts, err)
	}
	c := newConn(opts, netConn, id)
	stop := c.closeOnDone(ctx)
	err = (&handshake{c}).run(ctx, utf8)
	stop()
	if err != nil {
		err = c.orCause(ctx, err)
		c.socket.Close()
		return nil, err
	}
	return &Client{conn: c, flags: flagCache{}}, nil
}

// newConn returns a conn over a network connection.
func newConn(opts *Options, netConn net.Conn, id int) *conn {
	c := &conn{opts: opts, enabled: capabilities{}}
	if opts.Trace != nil {
		c.trace = &tracer{out: opts.Trace, id: id}
	}
	c.socket = &netconn.Conn{Conn: netConn, Stall: opts.stall(), Silence: opts.quirks.silence}
	c.socket.OnSilence = c.probeForLoss
	c.adopt(c.socket)
	return c
}

// dialError makes an error of a failed connection. A name that does not exist is a final error; others are temporary.
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
