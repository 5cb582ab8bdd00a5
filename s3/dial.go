package s3

import (
	"context"
	"errors"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// dialer makes connections. With the first one to the store it makes spare ones to the same
// address, for the moment at which more requests are made at once than there are connections. Most
// commands come to that after three or four round trips, and a connection that is made then costs
// one more.
type dialer struct {
	dial   dial
	spares int // to make with the first connection

	used  atomic.Bool // for a request to the store
	mu    sync.Mutex
	ready []spareConn
}

// dial makes a connection.
type dial func(ctx context.Context, network, address string) (net.Conn, error)

// toStore marks the context of a request to the store. Other requests are for credentials, and go
// to other hosts.
type toStore struct{}

// spareConn is a connection that no request has yet, a *tls.Conn after its handshake where the
// store speaks TLS.
type spareConn struct {
	net.Conn
	address string
	heard   chan error // why watch ended
}

// watch reads from the connection until take stops it. A server that ends an idle connection may
// say so first, with a status, and a request that got the connection would take that for its
// answer.
func (c spareConn) watch() {
	n, err := c.Read(make([]byte, 1))
	if n > 0 {
		err = errors.New("the server answered before a request")
	}
	c.heard <- err
}

// take ends watch, and reports whether the connection can carry a request.
func (c spareConn) take() bool {
	if c.SetReadDeadline(time.Unix(1, 0)) != nil || !errors.Is(<-c.heard, os.ErrDeadlineExceeded) ||
		c.SetReadDeadline(time.Time{}) != nil {
		c.Close()
		return false
	}
	return true
}

// spareLife is how long a spare connection is kept. Servers close connections that carry no
// request.
const spareLife = 5 * time.Second

// DialContext returns a spare connection, or makes one.
func (d *dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	for {
		spare, ok := d.spare(address)
		if !ok {
			break
		}
		if spare.take() {
			return spare.Conn, nil
		}
	}
	if ctx.Value(toStore{}) != nil && !d.used.Swap(true) {
		for range d.spares {
			go d.dialSpare(context.WithoutCancel(ctx), network, address)
		}
	}
	return d.dial(ctx, network, address)
}

// spare removes a spare connection to an address from those that are ready.
func (d *dialer) spare(address string) (spare spareConn, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	at := slices.IndexFunc(d.ready, func(c spareConn) bool { return c.address == address })
	if at < 0 {
		return spareConn{}, false
	}
	spare = d.ready[at]
	d.ready = slices.Delete(d.ready, at, at+1)
	return spare, true
}

func (d *dialer) dialSpare(ctx context.Context, network, address string) {
	conn, err := d.dial(ctx, network, address)
	if err != nil {
		return // the dials of requests report it
	}
	spare := spareConn{conn, address, make(chan error, 1)}
	go spare.watch()
	d.mu.Lock()
	d.ready = append(d.ready, spare)
	d.mu.Unlock()
	time.AfterFunc(spareLife, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if at := slices.Index(d.ready, spare); at >= 0 {
			d.ready = slices.Delete(d.ready, at, at+1)
			conn.Close()
		}
	})
}
