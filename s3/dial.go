package s3

import (
	"context"
	"net"
	"slices"
	"sync"
	"time"
)

// dialer makes connections. With the first one it makes spare ones to the same address, for the moment at which more
// requests are made at once than there are connections. Most commands come to that after three or four round trips, and
// a connection that is made then costs one more.
type dialer struct {
	dial   func(ctx context.Context, network, address string) (net.Conn, error)
	spares int // to make with the first connection

	mu    sync.Mutex
	used  bool
	ready []spareConn
}

// spareConn is a connection that no request has yet.
type spareConn struct {
	net.Conn
	address string
}

// spareLife is how long a spare connection is kept. Servers close connections that carry no request.
const spareLife = 5 * time.Second

// DialContext returns a spare connection, or makes one.
func (d *dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	d.mu.Lock()
	at := slices.IndexFunc(d.ready, func(c spareConn) bool { return c.address == address })
	first := !d.used
	d.used = true
	if at >= 0 {
		conn := d.ready[at].Conn
		d.ready = slices.Delete(d.ready, at, at+1)
		d.mu.Unlock()
		return conn, nil
	}
	d.mu.Unlock()
	if first {
		for range d.spares {
			go d.dialSpare(context.WithoutCancel(ctx), network, address)
		}
	}
	return d.dial(ctx, network, address)
}

func (d *dialer) dialSpare(ctx context.Context, network, address string) {
	conn, err := d.dial(ctx, network, address)
	if err != nil {
		return // the dials of requests report it
	}
	spare := spareConn{conn, address}
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
