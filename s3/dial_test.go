package s3

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// The first connection brings a spare one, which the next caller for the same address gets at once.
// It is closed if nobody needs it soon.
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
						if _, err := d.DialContext(storeContext(t), "tcp", "a:443"); err != nil {
							t.Error(err)
						}
					}()
				}
				time.Sleep(test.pause)
				began := time.Now()
				if _, err := d.DialContext(storeContext(t), "tcp", test.address); err != nil {
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
					if _, err := d.DialContext(storeContext(t), "tcp", "a:443"); err != nil {
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

// storeContext returns the context of a request to the store.
func storeContext(t *testing.T) context.Context {
	return context.WithValue(t.Context(), toStore{}, true)
}

// A request for credentials, which goes to another host, takes no spare connections away from the
// store.
func TestSpareConnectionsAreOfTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dialed []string
		var mu sync.Mutex
		d := &dialer{spares: 2, dial: func(_ context.Context, _, address string) (net.Conn, error) {
			mu.Lock()
			defer mu.Unlock()
			dialed = append(dialed, address)
			conn, _ := net.Pipe()
			return conn, nil
		}}
		for _, c := range []struct {
			ctx     context.Context
			address string
		}{{t.Context(), "metadata:80"}, {storeContext(t), "store:443"}, {t.Context(), "metadata:80"}} {
			if _, err := d.DialContext(c.ctx, "tcp", c.address); err != nil {
				t.Error(err)
			}
			time.Sleep(time.Second)
		}
		mu.Lock()
		defer mu.Unlock()
		if got := strings.Join(dialed, " "); got != "metadata:80 store:443 store:443 store:443 metadata:80" {
			t.Error(got)
		}
		time.Sleep(2 * spareLife)
	})
}

// A spare connection on which the server has spoken, or which it has closed, is not used: a request
// would take what the server said for its answer.
func TestSpareConnectionThatTheServerEnds(t *testing.T) {
	for name, end := range map[string]func(server net.Conn){
		"with a status":    func(server net.Conn) { _, _ = server.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")) },
		"without a status": func(server net.Conn) { server.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				var servers []net.Conn
				d := &dialer{spares: 1, dial: func(context.Context, string, string) (net.Conn, error) {
					conn, server := net.Pipe()
					mu.Lock()
					defer mu.Unlock()
					servers = append(servers, server)
					return conn, nil
				}}
				first, err := d.DialContext(storeContext(t), "tcp", "a:443")
				if err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				for _, server := range servers {
					go end(server)
				}
				synctest.Wait()
				second, err := d.DialContext(storeContext(t), "tcp", "a:443")
				if err != nil || len(servers) != 3 {
					t.Fatalf("%d connections were made, want 3: %v", len(servers), err)
				}
				go servers[2].Write([]byte("x"))
				if n, err := second.Read(make([]byte, 1)); n != 1 || err != nil {
					t.Errorf("read from the new connection: %v", err)
				}
				for _, conn := range append(servers, first, second) {
					conn.Close()
				}
			})
		})
	}
}
