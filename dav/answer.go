package dav

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// maxSlow is by how much a request may take longer than its bytes may stand still. It ends an
// answer that never ends.
const maxSlow = 15

// moving ends a request if no byte of it, or of its answer, moves for a time. A large item may take
// longer than that.
type moving struct {
	quiet *time.Timer
	limit time.Duration
}

// limit returns a context that ends when a request has to, with the reason.
func limit(ctx context.Context, most time.Duration) (context.Context, *moving, func()) {
	late := fmt.Errorf("the server has not finished its answer within %v", maxSlow*most)
	ctx, cancelLate := context.WithTimeoutCause(ctx, maxSlow*most, late)
	ctx, cancel := context.WithCancelCause(ctx)
	m := &moving{limit: most}
	m.quiet = time.AfterFunc(most, func() { cancel(fmt.Errorf("the server has not answered for %v", most)) })
	return ctx, m, func() {
		m.quiet.Stop()
		cancel(nil)
		cancelLate()
	}
}

// request watches a request that is to be sent.
func (m *moving) request(r *http.Request) {
	if r.ContentLength > 0 {
		r.Body = watchedBody{r.Body, r.Body, m}
	}
}

// answer watches the body of an answer, and decodes it. Some servers and proxies compress what
// nobody asked them to compress.
func (m *moving) answer(a *http.Response) error {
	a.Body = watchedBody{a.Body, a.Body, m}
	switch coding := strings.ToLower(strings.TrimSpace(a.Header.Get("Content-Encoding"))); coding {
	case "", "identity":
		return nil
	case "gzip", "x-gzip":
		a.Body = watchedBody{&lazyGzip{from: a.Body}, a.Body, m}
		return nil
	default:
		_ = a.Body.Close()
		return fmt.Errorf("%w: the coding %.40q, which nobody asked for", ErrProtocol, coding)
	}
}

// watchedBody is a body whose bytes show that the server is not silent.
type watchedBody struct {
	io.Reader
	io.Closer
	m *moving
}

// Read implements io.Reader.
func (b watchedBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if n > 0 {
		b.m.quiet.Reset(b.m.limit)
	}
	return n, err
}

// wait calls something for which the server is not to blame.
func (b watchedBody) wait(something func()) {
	b.m.quiet.Stop()
	defer b.m.quiet.Reset(b.m.limit)
	something()
}

// lazyGzip decodes a body. It reads its header when the body is read: an answer without a body has
// none.
type lazyGzip struct {
	from io.Reader
	to   *gzip.Reader
}

// Read implements io.Reader.
func (z *lazyGzip) Read(p []byte) (n int, err error) {
	if z.to == nil {
		if z.to, err = gzip.NewReader(z.from); err != nil {
			return 0, err
		}
	}
	return z.to.Read(p)
}
