package s3_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/bench/farline"
	"github.com/mailstrata/mailstrata/s3"
)

// oneByOne completes the TLS handshake of a connection before it accepts the next, as small servers
// do.
type oneByOne struct {
	net.Listener
	config *tls.Config
}

func (l oneByOne) Accept() (net.Conn, error) {
	for {
		raw, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		conn := tls.Server(raw, l.config)
		if conn.Handshake() == nil {
			return conn, nil
		}
		raw.Close()
	}
}

// The first request to a store behind TLS 1.3 waits for three round trips, which are TCP, TLS and
// the request. Two requests that follow at once wait for one, because the spare connection has its
// handshake behind it. A server that completes one handshake after the other has the spare
// connection's to do as well, before the first or after it.
func TestRoundTripsWithTLS(t *testing.T) {
	for name, test := range map[string]struct {
		listen func(net.Listener, *tls.Config) net.Listener
		trips  []time.Duration // at most, by requests at once
	}{
		"at once":    {tls.NewListener, []time.Duration{1: 3, 2: 1}},
		"one by one": {func(l net.Listener, c *tls.Config) net.Listener { return oneByOne{l, c} }, []time.Duration{1: 4, 2: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const trip = time.Second
				s := openFar(t, &farline.Line{RoundTrip: trip}, test.listen)
				for requests, most := range test.trips {
					began := time.Now()
					getAll(t, s, requests)
					if trips := time.Since(began) / trip; trips > most {
						t.Errorf("%d requests took %d round trips, want at most %d", requests, trips, most)
					}
					time.Sleep(trip)
				}
			})
		})
	}
}

// openFar opens a store at a distance, behind TLS. It has an object named o.
func openFar(t *testing.T, line *farline.Line, listen func(net.Listener, *tls.Config) net.Listener) *s3.Store {
	f := makeFake(t)
	f.objects["o"] = []byte("mail")
	t.Cleanup(func() { time.Sleep(line.RoundTrip) }) // what is under way arrives
	identity := httptest.NewUnstartedServer(nil)
	identity.Listener.Close()
	identity.Listener = &pipes{done: make(chan struct{})}
	identity.StartTLS()
	t.Cleanup(identity.Close)
	p := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	server := &http.Server{Handler: f}
	go server.Serve(listen(line.Listen(p), &tls.Config{Certificates: identity.TLS.Certificates}))
	t.Cleanup(func() { server.Close() })
	f.Server, f.pipes = &httptest.Server{URL: "https://127.0.0.1:1"}, p
	return f.open(func(o *s3.Options) {
		o.RootCAs = x509.NewCertPool()
		o.RootCAs.AddCert(identity.Certificate())
	})
}

// A store that accepts connections and never answers the handshake is reported as that.
func TestSilentHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := makeFake(t)
		f.Server = &httptest.Server{URL: "https://127.0.0.1:1"}
		s := f.open()
		var mu sync.Mutex
		var silent []net.Conn
		t.Cleanup(s.DialWith(func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			mu.Lock()
			defer mu.Unlock()
			silent = append(silent, theirs)
			return ours, nil
		}))
		if err := listError(t, s); err == nil || !strings.Contains(err.Error(), "TLS handshake") {
			t.Errorf("the error is %v", err)
		}
		mu.Lock()
		defer mu.Unlock()
		for _, conn := range silent {
			conn.Close()
		}
	})
}
