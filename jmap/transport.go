package jmap

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mailstrata/mailstrata/internal/loopback"
	"github.com/mailstrata/mailstrata/internal/printable"
	"github.com/mailstrata/mailstrata/internal/silence"
	"github.com/mailstrata/mailstrata/mail"
)

// Options are the account to connect to, and how. Only URL has to be set.
type Options struct {
	URL      URL
	Password string
	Token    func(context.Context) (string, error) // returns an OAuth access token, in place of Password

	RootCAs     *x509.CertPool                     // nil: those of the system
	Insecure    bool                               // allow http:// beyond the loopback
	Connections int                                // at most so many requests at once; 0: 4
	Stall       time.Duration                      // give up an answer that brings no byte for this long; 0: 2 minutes
	Version     string                             // of this program, for the field User-Agent
	Silent      func(silence, limit time.Duration) // like imap.Options.Silent; may be nil
	Trace       io.Writer                          // receives a line for each request, without secrets and texts; may be nil

	// Transport carries the requests; nil: HTTP.
	Transport http.RoundTripper
}

func (o *Options) connections() int     { return max(1, cmp.Or(o.Connections, 4)) }
func (o *Options) stall() time.Duration { return cmp.Or(o.Stall, 2*time.Minute) }

// Client sends requests to one account. Several goroutines may use it.
type Client struct {
	opts Options
	http http.RoundTripper

	mu      sync.Mutex
	session *Session

	tokenMu sync.Mutex
	token   string
	tokenAt time.Time // when it was read; zero: there is none

	requests, uploads chan struct{} // hold an element for each one under way
}

// NewClient returns a client. It does not connect yet.
func NewClient(opts Options) *Client {
	c := &Client{opts: opts, http: opts.Transport}
	if c.http == nil {
		network := &net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}
		c.http = &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: opts.RootCAs, MinVersion: tls.VersionTLS12},
			Proxy:           http.ProxyFromEnvironment, DialContext: network.DialContext,
			TLSHandshakeTimeout: 15 * time.Second, MaxIdleConnsPerHost: 2 * opts.connections(), IdleConnTimeout: time.Minute,
			DisableCompression: true, // it would hide the length of a blob
			ForceAttemptHTTP2:  true,
		}
	}
	c.http = silence.New(opts.stall(), opts.Silent).Transport(c.http)
	return c
}

// Close ends idle connections.
func (c *Client) Close() error {
	if idle, ok := c.http.(interface{ CloseIdleConnections() }); ok {
		idle.CloseIdleConnections()
	}
	return nil
}

// check returns an error if the secret must not be sent to a URL: without TLS beyond the loopback.
func (c *Client) check(u *url.URL) error {
	switch {
	case u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		return refused("%s is no URL for HTTP", place(u))
	case u.Scheme == "http" && !loopback.Is(u.Hostname()) && !c.opts.Insecure:
		return fmt.Errorf("%w: %s would get the password without TLS", ErrInsecure, place(u))
	}
	return nil
}

// place returns a URL for an error: without a user and a query.
func place(u *url.URL) string {
	return printable.Text((&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String())
}

// authorize adds the secret to a request.
func (c *Client) authorize(r *http.Request) error {
	if c.opts.Token == nil {
		r.SetBasicAuth(c.opts.URL.User, c.opts.Password)
		return nil
	}
	token, err := c.readToken(r.Context())
	r.Header.Set("Authorization", "Bearer "+token)
	return err
}

// tokenAge is how long a token is used before it is read again. It lives for an hour or so, and
// reading it may run a program.
const tokenAge = 5 * time.Minute

func (c *Client) readToken(ctx context.Context) (string, error) {
	c.tokenMu.Lock()
	defer c.tokenMu.Unlock()
	if !c.tokenAt.IsZero() && time.Since(c.tokenAt) < tokenAge {
		return c.token, nil
	}
	token, err := c.opts.Token(ctx)
	if err == nil && strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		err = errors.New("the access token has a character that no token has")
	}
	if err == nil {
		c.token, c.tokenAt = token, time.Now()
	}
	return token, err
}

// expireToken reports whether the server refused a token that it may have accepted before. It is
// read again for the next attempt.
func (c *Client) expireToken() bool {
	c.tokenMu.Lock()
	defer c.tokenMu.Unlock()
	old := !c.tokenAt.IsZero() && time.Since(c.tokenAt) > time.Minute
	c.tokenAt = time.Time{}
	return old
}

// send sends a request with the secret. The body of the answer fails if the server stalls.
func (c *Client) send(r *http.Request) (*http.Response, error) {
	r.Header.Set("User-Agent", "mailstrata/"+cmp.Or(c.opts.Version, "0"))
	if err := c.authorize(r); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	stall := errors.New("the server sent nothing for " + c.opts.stall().String())
	timer := time.AfterFunc(c.opts.stall(), func() { cancel(stall) })
	progress := func() { timer.Reset(c.opts.stall()) }
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = &watchedBody{ReadCloser: r.Body, progress: progress, end: func() {}}
	}
	r = r.WithContext(ctx)
	response, err := c.http.RoundTrip(r)
	if err != nil {
		timer.Stop()
		cancel(nil)
		if cause := context.Cause(ctx); cause == stall {
			err = stall
		}
		if isFinal(err) {
			return nil, fmt.Errorf("%s %s: %w", r.Method, place(r.URL), err)
		}
		return nil, lost(r.Method+" "+place(r.URL), err)
	}
	if response.StatusCode == http.StatusUnauthorized && c.expireToken() {
		response.Body.Close()
		timer.Stop()
		cancel(nil)
		return nil, fmt.Errorf("%s: the access token has expired (%w)", place(r.URL), mail.ErrTemporary)
	}
	c.trace("%s %s: status %d", r.Method, place(r.URL), response.StatusCode)
	cause := func() error { return context.Cause(ctx) }
	response.Body = &watchedBody{ReadCloser: response.Body, progress: progress, cause: cause, end: func() {
		timer.Stop()
		cancel(nil)
	}}
	return response, nil
}

// maxRedirects is how many redirects a request follows.
const maxRedirects = 5

// follow requests a URL, and follows the redirects that allow returns no error for. The body of the
// answer is open.
func (c *Client) follow(
	ctx context.Context, at *url.URL, accept string, allow func(from, to *url.URL) error,
) (*http.Response, error) {
	for range maxRedirects + 1 {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
		if err != nil {
			return nil, refused("%s: %v", place(at), err)
		}
		if accept != "" {
			request.Header.Set("Accept", accept)
		}
		response, err := c.send(request)
		if err != nil || !isRedirect(response.StatusCode) {
			return response, err
		}
		to, err := response.Location()
		response.Body.Close()
		if err != nil {
			return nil, refused("%s: a redirect without a place", place(at))
		}
		if err := allow(at, to); err != nil {
			return nil, err
		}
		at = to
	}
	return nil, refused("%s: more than %d redirects", place(at), maxRedirects)
}

func isRedirect(status int) bool {
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308
}

// isFinal reports whether an error of the network stays until somebody does something.
func isFinal(err error) bool {
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	_, invalid := errors.AsType[x509.CertificateInvalidError](err)
	_, otherName := errors.AsType[x509.HostnameError](err)
	dns, noHost := errors.AsType[*net.DNSError](err)
	return unknown || invalid || otherName || noHost && dns.IsNotFound || errors.Is(err, context.Canceled)
}

func (c *Client) trace(format string, args ...any) {
	if c.opts.Trace != nil {
		_, _ = fmt.Fprintf(c.opts.Trace, format+"\n", args...)
	}
}

// watchedBody calls progress for each byte, and end once when it is closed.
type watchedBody struct {
	io.ReadCloser
	progress func()
	cause    func() error // why its context ended; nil: not asked
	end      func()
	once     sync.Once
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.progress()
	}
	if err != nil && !errors.Is(err, io.EOF) && b.cause != nil && b.cause() != nil {
		err = b.cause()
	}
	return n, err
}

func (b *watchedBody) Close() error {
	b.once.Do(b.end)
	return b.ReadCloser.Close()
}

// What an answer in JSON has at most.
const (
	maxSession = 4 << 20
	maxAnswer  = 64 << 20
	maxProblem = 64 << 10
)

// readJSON returns the text of an answer in JSON, and closes it.
func readJSON(response *http.Response, most int64) ([]byte, error) {
	defer response.Body.Close()
	at := place(response.Request.URL)
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return nil, statusError(response)
	}
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if kind != "application/json" {
		return nil, refused("%s answers with %s and not with JSON; it may be a page for people to log in, or no JMAP server",
			at, cmp.Or(printable.Text(kind), "an unknown type"))
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, most+1))
	switch {
	case err != nil:
		return nil, lost(at, err)
	case int64(len(text)) > most:
		return nil, fmt.Errorf("%w: %s answers with more than %d bytes", mail.ErrFlood, at, most)
	}
	return text, nil
}

// statusError returns the error of an answer that is no success, and closes it.
func statusError(response *http.Response) error {
	defer response.Body.Close()
	e := &StatusError{URL: place(response.Request.URL), Status: response.StatusCode}
	text, _ := io.ReadAll(io.LimitReader(response.Body, maxProblem))
	var problem struct{ Type, Title, Detail, Limit string }
	if json.Unmarshal(text, &problem) == nil {
		e.Type, e.Detail = problem.Type, cmp.Or(problem.Detail, problem.Title)
		if problem.Limit != "" {
			e.Detail = strings.TrimSpace(e.Detail + " (" + problem.Limit + ")")
		}
	}
	if isRedirect(e.Status) {
		e.Detail = "it redirects, which only the URLs of a session and of a blob may"
	}
	e.after = retryAfter(response.Header.Get("Retry-After"), time.Now())
	return e
}

// retryAfter parses the field Retry-After: seconds or a date.
func retryAfter(text string, now time.Time) time.Duration {
	after := time.Duration(0)
	if seconds, err := strconv.ParseUint(text, 10, 32); err == nil {
		after = time.Duration(seconds) * time.Second
	} else if date, err := http.ParseTime(text); err == nil {
		after = date.Sub(now)
	}
	return max(0, min(after, longestWait))
}
