package s3

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"github.com/mailstrata/mailstrata/internal/inflight"
)

// smallUpload is the largest body of a request that counts among those under way. A larger one
// takes as long as the uplink needs, and others would wait for it in vain. Callers bound how many
// they put at once.
const smallUpload = 64 << 10

// load is a request that counts among those under way, from when it has a connection until its
// answer begins.
//
// It waits with its connection, so that connections for many requests are set up at the same time,
// while the first ones are answered. It does not count while its body is read: a caller that has a
// body open and needs another request would wait for itself. A nil load is not counted.
type load struct {
	kind      string
	transport *transport

	under *inflight.Request // nil: not yet
	began time.Time
	sent  atomic.Int64 // when the request was written, as nanoseconds since began; 0: not yet
}

// count makes a request count among those under way, if it should. It waits while inflight.Most of
// them have a connection, or wait for one.
func (t *transport) count(req *http.Request) (*load, error) {
	if !signed(req) || req.ContentLength > smallUpload {
		return nil, nil
	}
	if err := t.connections.Acquire(req.Context(), 1); err != nil {
		return nil, err
	}
	l := &load{kind: req.Method, transport: t}
	if watchedPages(req.Context()) != nil {
		l.kind = "LIST"
	}
	return l, nil
}

// watch returns the context with which to make the request in x.
func (l *load) watch(x *exchange) context.Context {
	if l == nil {
		return x.ctx
	}
	// A request may have several connections, one after the other: an idle one may turn out to be
	// closed.
	connected := func(httptrace.GotConnInfo) {
		if l.under == nil {
			x.timer.Stop()
			under, err := l.transport.limit.Begin(x.ctx)
			if err != nil {
				return // the exchange has ended, and sends nothing more
			}
			x.timer.Reset(x.stall)
			l.under, l.began = &under, time.Now()
		}
	}
	// Neither the wait for a connection nor sending a body is time that the store takes.
	wrote := func(w httptrace.WroteRequestInfo) {
		if w.Err == nil {
			l.sent.Store(max(1, int64(time.Since(l.began)))) // on some systems the clock has not moved
		}
	}
	return httptrace.WithClientTrace(x.ctx, &httptrace.ClientTrace{GotConn: connected, WroteRequest: wrote})
}

// answered ends the load: the header of the answer has come.
func (l *load) answered(status int) {
	if l == nil {
		return
	}
	l.transport.connections.Release(1)
	if l.under == nil {
		return
	}
	sent := time.Duration(l.sent.Load())
	switch {
	case status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests:
		l.under.Refused()
	case status < 300 && sent > 0:
		l.under.Answered(l.kind, time.Since(l.began)-sent)
	default:
		l.under.Ended()
	}
}

// failed ends the load: there is no answer.
func (l *load) failed(err error) {
	if l == nil {
		return
	}
	l.transport.connections.Release(1)
	if l.under == nil {
		return
	}
	var network net.Error
	if errors.Is(err, errStalled) ||
		errors.As(err, &network) && network.Timeout() && !errors.Is(err, context.DeadlineExceeded) {
		l.under.Refused()
	} else {
		l.under.Ended()
	}
}
