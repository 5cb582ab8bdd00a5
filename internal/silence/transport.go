package silence

import (
	"io"
	"net/http"
)

// Transport returns a RoundTripper that waits for the server while it sends a request and while the
// body of the answer is read. The time that the caller takes between two reads does not count.
func (w *Watch) Transport(next http.RoundTripper) http.RoundTripper {
	if w == nil {
		return next
	}
	return &transport{w, next}
}

type transport struct {
	watch *Watch
	http.RoundTripper
}

// CloseIdleConnections is what http.Client looks for.
func (t *transport) CloseIdleConnections() {
	if idle, ok := t.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		idle.CloseIdleConnections()
	}
}

func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil && r.Body != http.NoBody {
		body := r.Body
		r = r.WithContext(r.Context()) // a RoundTripper changes no request
		r.Body = &upload{body, t.watch}
	}
	t.watch.Begin()
	answer, err := t.RoundTripper.RoundTrip(r)
	t.watch.End()
	if err == nil {
		answer.Body = &download{ReadCloser: answer.Body, watch: t.watch}
	}
	return answer, err
}

// upload is the body of a request. The server takes it, so it is not silent.
type upload struct {
	io.ReadCloser
	watch *Watch
}

func (u *upload) Read(p []byte) (int, error) {
	u.watch.Moved()
	return u.ReadCloser.Read(p)
}

// download is the body of an answer.
type download struct {
	io.ReadCloser
	watch *Watch
}

func (d *download) Read(p []byte) (int, error) {
	d.watch.Begin()
	defer d.watch.End()
	return d.ReadCloser.Read(p)
}
