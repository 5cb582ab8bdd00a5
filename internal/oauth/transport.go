package oauth

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"golang.org/x/oauth2"
)

const (
	// patience is the time limit for an answer of a provider.
	patience = 30 * time.Second

	// maxAnswer is the maximum size of an answer. Tokens have some thousand bytes.
	maxAnswer = 256 << 10
)

// boundTransport sends the requests of one exchange with a provider. Package oauth2 asks for device
// codes without a context, and leaves the body of the answer open. So boundTransport ends requests
// with its own context, and reads and closes each body.
type boundTransport struct {
	ctx       context.Context
	transport http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t *boundTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	defer context.AfterFunc(t.ctx, cancel)()
	resp, err := t.transport.RoundTrip(r.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		err = fmt.Errorf("the answer is longer than %d bytes", maxAnswer)
	}
	if err == nil && string(bytes.TrimSpace(body)) == "null" { // at which oauth2 panics
		err = errors.New("the answer is empty")
	}
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// withClient returns ctx with the HTTP client that package oauth2 takes from it. The client follows
// no redirects: one could send a refresh token to a host that nobody has named.
func withClient(ctx context.Context, transport http.RoundTripper) context.Context {
	if transport == nil {
		transport = http.DefaultTransport
	}
	client := &http.Client{
		Transport:     &boundTransport{ctx, transport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return context.WithValue(ctx, oauth2.HTTPClient, client)
}
