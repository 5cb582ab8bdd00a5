package s3_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/internal/inflight"
	"github.com/mailstrata/mailstrata/s3"
)

// crowd makes a fake slow to answer, and counts how many requests are with it at once.
type crowd struct {
	delay     time.Duration
	now, most atomic.Int64
	clients   sync.Map // the addresses of connections
}

func (c *crowd) fault(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
	n := c.now.Add(1)
	for {
		if most := c.most.Load(); n <= most || c.most.CompareAndSwap(most, n) {
			break
		}
	}
	c.clients.Store(r.RemoteAddr, true)
	time.Sleep(c.delay)
	c.now.Add(-1)
	next(w, r)
}

// getAll gets an object n times at once.
func getAll(t *testing.T, s *s3.Store, n int) {
	t.Helper()
	var group sync.WaitGroup
	for range n {
		group.Go(func() {
			body, _, err := s.Get(t.Context(), "o", 0, -1)
			if err == nil {
				_, err = io.Copy(io.Discard, body)
				err = errors.Join(err, body.Close())
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

// A store that is far but not busy gets many requests at once, and never more than inflight.Most.
// They use the same connections again.
func TestRequestsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeInBubble(t)
		s := f.open()
		if err := put(t, s, "o", "mail"); err != nil {
			t.Fatal(err)
		}
		c := &crowd{delay: 50 * time.Millisecond}
		f.set(c.fault)
		getAll(t, s, 400)
		if most := c.most.Load(); most <= inflight.First || most > inflight.Most {
			t.Errorf("%d requests at once", most)
		}
		c.clients.Clear()
		for range 4 {
			getAll(t, s, inflight.Most)
		}
		connections := 0
		c.clients.Range(func(any, any) bool { connections++; return true })
		if connections > inflight.Most+inflight.Most/4 {
			t.Errorf("%d connections for %d requests at once", connections, inflight.Most)
		}
	})
}

// A store that says SlowDown gets fewer requests at once, and all of them succeed in the end.
func TestSlowDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeInBubble(t)
		s := f.open(func(o *s3.Options) { o.SetPause(10 * time.Millisecond) })
		if err := put(t, s, "o", "mail"); err != nil {
			t.Fatal(err)
		}
		c := &crowd{delay: 20 * time.Millisecond}
		const takes = 10
		f.set(func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
			c.fault(w, r, func(w http.ResponseWriter, r *http.Request) {
				if c.now.Load() >= takes {
					refuse(w, http.StatusServiceUnavailable, "SlowDown")
				} else {
					next(w, r)
				}
			})
		})
		getAll(t, s, 100)
		c.most.Store(0)
		getAll(t, s, 100)
		if most := c.most.Load(); most > takes {
			t.Errorf("%d requests at once, though the store takes %d", most, takes)
		}
	})
}

// Bodies that are open do not keep other requests from being sent: a caller may hold as many as it
// likes.
func TestOpenBodies(t *testing.T) {
	f := newFake(t)
	s := f.open()
	if err := put(t, s, "o", "mail"); err != nil {
		t.Fatal(err)
	}
	for range 2 * inflight.Most {
		body, _, err := s.Get(t.Context(), "o", 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		defer body.Close()
	}
}

// A request that waits for others ends with its context.
func TestWaitEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeInBubble(t)
		s := f.open()
		if err := put(t, s, "o", "mail"); err != nil {
			t.Fatal(err)
		}
		f.set(f.deaf)
		ctx, cancel := context.WithCancelCause(t.Context())
		var group sync.WaitGroup
		for range 2 * inflight.First {
			group.Go(func() {
				if _, _, err := s.Get(ctx, "o", 0, -1); !errors.Is(err, context.Canceled) {
					t.Errorf("a request ends with %v", err)
				}
			})
		}
		time.AfterFunc(50*time.Millisecond, func() { cancel(fmt.Errorf("interrupted")) })
		group.Wait()
		f.set(nil)
		getAll(t, s, inflight.First)
	})
}

// A new TLS connection resumes the session of an earlier one, which saves both sides the
// certificate. The first two, of which one is spare, are made at once.
func TestSessionsAreResumed(t *testing.T) {
	f := newFake(t)
	var resumed, fresh atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS.DidResume {
			resumed.Add(1)
		} else {
			fresh.Add(1)
		}
		w.Header().Set("Connection", "close")
		f.ServeHTTP(w, r)
	}))
	server.StartTLS()
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	s := f.open(func(o *s3.Options) { o.Endpoint, o.RootCAs = server.URL, roots })
	if err := put(t, s, "o", "mail"); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		getAll(t, s, 1)
	}
	if fresh.Load() > 2 || resumed.Load() < 2 {
		t.Errorf("%d new sessions and %d resumed ones, want 2 and 2", fresh.Load(), resumed.Load())
	}
}
