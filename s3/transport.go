package s3

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/mailstrata/mailstrata/internal/inflight"
)

var errStalled = errors.New("the connection carried nothing for too long")

// idleConnections is how many connections are kept open. It is enough for as many requests as
// package inflight allows, and for uploads, which it does not count: a connection that is closed
// costs the next request two round trips or three.
const idleConnections = inflight.Most + 32

// newHTTP makes the HTTP transport below, which connects by network. roots are the authorities to
// trust; nil means those of the system. Compression is off, because it would hide the length of a
// body.
func newHTTP(network dial, roots *x509.CertPool, spares int) *http.Transport {
	config := &tls.Config{
		RootCAs: roots, MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(0),
	}
	plain := &dialer{dial: network, spares: spares}
	sealed := &dialer{dial: withTLS(network, config), spares: spares}
	return &http.Transport{
		TLSClientConfig:     config, // behind a proxy, where DialTLSContext is not called
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         plain.DialContext,
		DialTLSContext:      sealed.DialContext,
		TLSHandshakeTimeout: handshakeTimeout,
		MaxIdleConnsPerHost: idleConnections,
		IdleConnTimeout:     time.Minute,
		DisableCompression:  true,
		ReadBufferSize:      16 << 10,
		WriteBufferSize:     16 << 10,

		ExpectContinueTimeout: announcedTime,
	}
}

// transport observes all exchanges with the store: it limits how many are under way (load.go), sets
// the store's clock by the Date of the responses, and ends an exchange that has stalled. It also
// ensures that the body of a request is not read after the exchange has ended: http.Transport may
// continue to read it, but the file or buffer belongs to the caller again once Put returns.
type transport struct {
	base  http.RoundTripper
	stall time.Duration
	clock clock
	limit *inflight.Limit

	accepted atomic.Bool // a signed request has succeeded

	connections *semaphore.Weighted // of requests that count, until their answers begin
}

func newTransport(roots *x509.CertPool, stall time.Duration, spares int) *transport {
	network := &net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}
	return &transport{
		base: newHTTP(network.DialContext, roots, spares), stall: stall, limit: inflight.New(), connections: semaphore.NewWeighted(inflight.Most),
	}
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	counted, err := t.count(req)
	if err != nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, err
	}
	base := req.Context()
	if signed(req) {
		base = context.WithValue(base, toStore{}, true)
	}
	ctx, cancel := context.WithCancelCause(base)
	x := &exchange{ctx: ctx, cancel: cancel, stall: t.stall}
	x.timer = time.AfterFunc(t.stall, func() { cancel(errStalled) })
	out := req.WithContext(counted.watch(x))
	announce(out)
	if req.Body != nil && req.Body != http.NoBody {
		x.up = req.Body
		out.Body = (*requestBody)(x)
	}
	resp, err := t.base.RoundTrip(out)
	x.timer.Stop()
	if err != nil {
		err = x.cause(err)
		counted.failed(err)
		x.end()
		return nil, err
	}
	counted.answered(resp.StatusCode)
	if signed(req) {
		t.clock.observe(resp.Header.Get("Date"))
		if resp.StatusCode < 300 {
			t.accepted.Store(true)
		}
	}
	x.down = resp.Body
	resp.Body = (*responseBody)(x)
	if err := cmp.Or(changed(resp), redirected(resp), foreign(resp)); err != nil {
		resp.Body.Close()
		return nil, err
	}
	if p := watchedPages(req.Context()); p != nil && resp.StatusCode == http.StatusOK {
		p.pass(resp)
	}
	return resp, nil
}

// signed reports whether a request goes to the store. Requests for credentials pass here too, and
// go to other hosts.
func signed(req *http.Request) bool {
	return strings.HasPrefix(req.Header.Get("Authorization"), "AWS4-")
}

// exchange is a request and its response.
type exchange struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	stall  time.Duration
	timer  *time.Timer // runs while data is expected

	mu   sync.Mutex
	up   io.ReadCloser // nil if there is none, or after it was closed
	down io.ReadCloser
}

// end ends the exchange. When it returns, nothing reads the request's body.
func (x *exchange) end() {
	x.timer.Stop()
	x.cancel(nil)
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.up != nil {
		x.up.Close()
		x.up = nil
	}
}

// cause returns the reason for which the exchange was ended, if there is one, and otherwise err.
func (x *exchange) cause(err error) error {
	if context.Cause(x.ctx) == errStalled {
		return errStalled
	}
	return err
}

// requestBody is the body of the request of an exchange.
type requestBody exchange

func (b *requestBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.up == nil {
		return 0, net.ErrClosed
	}
	b.timer.Reset(b.stall) // what was read before has been sent
	return b.up.Read(p)
}

func (b *requestBody) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.up == nil {
		return nil
	}
	err := b.up.Close()
	b.up = nil
	return err
}

// responseBody is the body of the response of an exchange.
type responseBody exchange

func (b *responseBody) Read(p []byte) (int, error) {
	b.timer.Reset(b.stall) // a slow caller is not a stall
	n, err := b.down.Read(p)
	b.timer.Stop()
	if err != nil && err != io.EOF {
		err = (*exchange)(b).cause(err)
	}
	return n, err
}

func (b *responseBody) Close() error {
	(*exchange)(b).end()
	return b.down.Close()
}
