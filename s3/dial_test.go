package s3

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// The first connection brings a spare one, which the next caller for the same address gets at once. It is closed if
// nobody needs it soon.
func TestSpareConnection(t *testing.T) {
	const away = 50 * time.Millisecond
	for name, test := range map[string]struct {
		pause   time.Duration // before the last connection
		address string        // of the last connection
		fails   bool          // the spare connection cannot be made
		dials   int
		wait    time.Duration // for the last connection
	}{
		"needed":          {time.Second, "a:443", false, 3, 0},
		"needed too soon": {away / 2, "a:443", false, 4, away},
		"too old":         {spareLife + time.Second, "a:443", false, 4, away},
		"another host":    {time.Second, "b:443", false, 4, away},
		"not made":        {time.Second, "a:443", true, 4, away},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dials := make(chan net.Conn, 10)
				d := &dialer{spares: 1, dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
					time.Sleep(away)
					conn, _ := net.Pipe()
					dials <- conn
					if ctx.Done() == nil && test.fails { // it is not made for a request
						return nil, errors.New("no more connections")
					}
					return conn, nil
				}}
				for i := range 2 { // as requests at once
					go func() {
						time.Sleep(time.Duration(i))
						if _, err := d.DialContext(t.Context(), "tcp", "a:443"); err != nil {
							t.Error(err)
						}
					}()
				}
				time.Sleep(test.pause)
				began := time.Now()
				if _, err := d.DialContext(t.Context(), "tcp", test.address); err != nil {
					t.Error(err)
				}
				if have, want := fmt.Sprint(len(dials), time.Since(began)), fmt.Sprint(test.dials, test.wait); have != want {
					t.Errorf("dials and wait: %s, want %s", have, want)
				}
				time.Sleep(2 * spareLife)
				d.mu.Lock()
				defer d.mu.Unlock()
				if len(d.ready) > 0 {
					t.Error("a spare connection is kept")
				}
			})
		})
	}
}

// A caller that asks for several spare connections gets all of them at once.
func TestSpareConnections(t *testing.T) {
	const away, spares = 50 * time.Millisecond, 5
	synctest.Test(t, func(t *testing.T) {
		var dials atomic.Int64
		d := &dialer{spares: spares, dial: func(context.Context, string, string) (net.Conn, error) {
			dials.Add(1)
			time.Sleep(away)
			conn, _ := net.Pipe()
			return conn, nil
		}}
		dialAll := func(n int) time.Duration {
			began := time.Now()
			var group sync.WaitGroup
			for range n {
				group.Go(func() {
					if _, err := d.DialContext(t.Context(), "tcp", "a:443"); err != nil {
						t.Error(err)
					}
				})
			}
			group.Wait()
			return time.Since(began)
		}
		for _, c := range []struct {
			connections int
			dials       int64
			wait        time.Duration
		}{{1, 1 + spares, away}, {spares, 1 + spares, 0}, {2, 3 + spares, away}} {
			time.Sleep(time.Second)
			if wait := dialAll(c.connections); wait != c.wait || dials.Load() != c.dials {
				t.Errorf("%d connections took %v and %d dials", c.connections, wait, dials.Load())
			}
		}
		time.Sleep(2 * spareLife)
	})
}
