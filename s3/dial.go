package s3

import (
	"context"
	"net"
	"sync"
	"time"
)

// dialer makes connections. With the first one it makes a spare one to the same address, for the moment at which more
// requests are made at once than there are connections. Most commands come to that after three or four round trips, and
// a connection that is made then costs one more.
type dialer struct {
	dial func(ctx context.Context, network, address string) (net.Conn, error)

	mu    sync.Mutex
	used  bool
	spare map[string]net.Conn // by address
}

// spareLife is how long a spare connection is kept. Servers close connections that carry no request.
const spareLife = 5 * time.Second

// DialContext returns the spare connection, or makes one.
func (d *dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	d.mu.Lock()
	conn, first := d.spare[address], !d.used
	delete(d.spare, address)
	d.used = true
	d.mu.Unlock()
	if conn != nil {
		return conn, nil
	}
	if first {
		go d.dialSpare(context.WithoutCancel(ctx), network, address)
	}
	return d.dial(ctx, network, address)
}

func (d *dialer) dialSpare(ctx context.Context, network, address string) {
	conn, err := d.dial(ctx, network, address)
	if err != nil {
		return // the dials of requests report it
	}
	d.mu.Lock()
	d.spare = map[string]net.Conn{address: conn}
	d.mu.Unlock()
	time.AfterFunc(spareLife, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.spare[address] == conn {
			delete(d.spare, address)
			conn.Close()
		}
	})
}
