package dav

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mailstrata/mailstrata/collection"
	"github.com/mailstrata/mailstrata/internal/silence"
)

// Options say where the collections are and how to log in.
type Options struct {
	URL            *url.URL // with the user, without a password
	Password       func(context.Context) (string, error)
	Token          func(context.Context) (string, error) // an OAuth access token for each request, in place of a password
	TLS            *tls.Config                           // nil: the system's certificates
	AllowPlaintext bool                                  // allow http

	Timeout time.Duration                      // for how long no byte of a request or its answer may move; 0: two minutes
	Silent  func(silence, limit time.Duration) // like imap.Options.Silent; may be nil
	MaxWait time.Duration                      // how long to wait because the server asks for it, without a request that succeeds; 0: five minutes
}

func (o *Options) timeout() time.Duration { return cmp.Or(o.Timeout, 2*time.Minute) }

// ParseURL parses https://user@host/path. http is allowed only with Options.AllowPlaintext.
func ParseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, errors.New("it is no URL")
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("it does not begin with https://")
	case u.Hostname() == "":
		return nil, errors.New("it names no host")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("it has a query or a fragment")
	}
	if _, has := u.User.Password(); has {
		return nil, errors.New("it contains a password, which does not belong there")
	}
	return u, nil
}

// Client speaks to a server about the calendars or the address books of a user.
type Client struct {
	options Options
	kind    collection.Kind
	base    *url.URL // without the user
	http    *http.Client
	server  string // the Server field of its answers

	mu       sync.Mutex
	password *string
	digest   *digest // nil: the password itself is sent
	pace     *pace

	glanced map[string]*versions // what Glance knows of address books, by path

	homes   []*url.URL // of the user's collections
	origin  *url.URL   // the host that they are on, which may be another one of the same site
	located bool       // a collection or a home was found there
}

// New returns a Client for calendars or address books.
func New(kind collection.Kind, o Options) *Client {
	base := *o.URL
	base.User = nil
	if base.Path == "" {
		base.Path = "/"
	}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: o.TLS, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: atOnce,
		DisableCompression: true, // an ETag is of the bytes as they are sent (answer.go)
	}
	watch := silence.New(o.timeout(), o.Silent)
	c := &Client{
		options: o, kind: kind, base: &base, origin: &base,
		http: &http.Client{Transport: watch.Transport(transport)}, pace: newPace(o.MaxWait),
	}
	c.glanced = make(map[string]*versions)
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c
}

// Kind implements collection.Source.
func (c *Client) Kind() collection.Kind { return c.kind }

// URL implements collection.Source.
func (c *Client) URL() string { return c.options.URL.Redacted() }

// Close implements collection.Source.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

// StatusError is an answer that says no.
type StatusError struct {
	Status    int
	Condition string // the precondition that failed, such as valid-sync-token; empty: none is named
	Text      string // what the server says about it
}

func (e *StatusError) Error() string {
	text := fmt.Sprintf("the server answers %d", e.Status)
	if words := http.StatusText(e.Status); words != "" {
		text += " " + words
	}
	if e.Condition != "" {
		text += " (" + e.Condition + ")"
	}
	if e.Text != "" {
		text += ": " + strconv.QuoteToGraphic(e.Text)
	}
	return text
}

// statusOfError returns the status of a StatusError, or 0.
func statusOfError(err error) int {
	if status, ok := errors.AsType[*StatusError](err); ok {
		return status.Status
	}
	return 0
}

// isNotFound reports whether a resource does not exist, or exists no longer.
func isNotFound(err error) bool {
	status := statusOfError(err)
	return status == http.StatusNotFound || status == http.StatusGone
}

// request is one request. Its URL is of the client's host.
type request struct {
	method string
	url    *url.URL
	header map[string]string
	body   string
}

const (
	maxRedirects = 5
	maxErrorBody = 64 << 10
	maxTries     = 5
)

// do sends a request and passes the answer to read, if it is of the class 2xx. It follows
// redirects, and waits if the server asks for it.
func (c *Client) do(ctx context.Context, r request, read func(*http.Response) error) error {
	for tries, redirects := 1, 0; ; {
		if err := c.pace.begin(ctx); err != nil {
			return err
		}
		next, wait, err := c.once(ctx, r, read)
		c.pace.end(err == nil)
		switch {
		case next != nil:
			if redirects++; redirects > maxRedirects {
				return fmt.Errorf("%w: more than %d redirects", ErrProtocol, maxRedirects)
			}
			r.url = next
		case wait > 0 && tries < maxTries && c.pace.slow(wait):
			tries++
		default:
			return err
		}
	}
}

// once sends a request once. It returns where it is redirected to, or how long to wait before the
// next try.
func (c *Client) once(
	ctx context.Context, r request, read func(*http.Response) error,
) (next *url.URL, wait time.Duration, err error) {
	limited, watched, cancel := limit(ctx, c.options.timeout())
	defer cancel()
	sent, err := c.build(limited, r)
	if err != nil {
		return nil, 0, err
	}
	watched.request(sent)
	answer, err := c.http.Do(sent)
	if err == nil {
		err = watched.answer(answer)
	}
	if err != nil {
		if limited.Err() != nil {
			return nil, 0, context.Cause(limited)
		}
		if inURL, ok := errors.AsType[*url.Error](err); ok { // its text repeats the URL
			err = inURL.Err
		}
		return nil, 0, err
	}
	defer answer.Body.Close()
	switch {
	case answer.StatusCode/100 == 2:
		if err = read(answer); err != nil && limited.Err() != nil {
			err = context.Cause(limited)
		}
		return nil, 0, err
	case answer.StatusCode/100 == 3:
		next, err = c.redirect(r.url, answer)
		return next, 0, err
	case answer.StatusCode == http.StatusUnauthorized && c.options.Token == nil && c.challenged(sent, answer):
		return r.url, 0, errors.New("the server asks for another login")
	}
	body, _ := io.ReadAll(io.LimitReader(answer.Body, maxErrorBody))
	failed := &StatusError{Status: answer.StatusCode}
	failed.Condition, failed.Text = precondition(body)
	if failed.Status == http.StatusUnauthorized {
		return nil, 0, c.unauthorized(answer, failed)
	}
	if failed.Status == http.StatusTooManyRequests || failed.Status == http.StatusServiceUnavailable {
		wait = retryAfter(answer.Header.Get("Retry-After"))
	}
	return nil, wait, failed
}

func (c *Client) build(ctx context.Context, r request) (*http.Request, error) {
	if err := c.checkHost(r.url); err != nil {
		return nil, err
	}
	if r.url.Scheme != "https" && !c.options.AllowPlaintext {
		return nil, errors.New("http sends the password in the clear")
	}
	sent, err := http.NewRequestWithContext(ctx, r.method, r.url.String(), strings.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(r.body, xmlHead) {
		sent.Header.Set("Content-Type", "application/xml; charset=utf-8")
	}
	for name, value := range r.header {
		sent.Header.Set(name, value)
	}
	sent.Header.Set("User-Agent", "mailstrata")
	sent.Header.Set("Accept-Encoding", "identity") // without the field any coding is acceptable (RFC 9110 section 12.5.3)
	if c.options.Token != nil {
		token, err := c.options.Token(ctx)
		if err != nil {
			return nil, err
		}
		sent.Header.Set("Authorization", "Bearer "+token) // RFC 6750
		return sent, nil
	}
	if user := c.options.URL.User.Username(); user != "" && c.options.Password != nil {
		password, err := c.secret(ctx)
		if err != nil {
			return nil, err
		}
		c.logIn(sent, user, password)
	}
	return sent, nil
}

// secret asks for the password once.
func (c *Client) secret(ctx context.Context) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.password == nil {
		password, err := c.options.Password(ctx)
		if err != nil {
			return "", err
		}
		c.password = &password
	}
	return *c.password, nil
}

func (c *Client) unauthorized(answer *http.Response, failed error) error {
	if c.options.Token != nil {
		return fmt.Errorf("the server refuses the access token, which may lack a scope for it: %w", failed)
	}
	for _, offer := range answer.Header.Values("WWW-Authenticate") {
		if offer = strings.ToLower(offer); strings.HasPrefix(offer, "basic") || strings.HasPrefix(offer, "digest") {
			return fmt.Errorf("the server refuses the user name or the password: %w", failed)
		}
	}
	return fmt.Errorf("the server does not offer to log in with a password (Basic or Digest): %w", failed)
}

// redirect returns where an answer leads.
func (c *Client) redirect(from *url.URL, answer *http.Response) (*url.URL, error) {
	location := answer.Header.Get("Location")
	to, err := from.Parse(location)
	if err != nil || location == "" {
		return nil, fmt.Errorf("%w: a redirect (%d) that leads nowhere", ErrProtocol, answer.StatusCode)
	}
	to.User, to.Fragment = nil, ""
	if err := c.checkHost(to); err != nil {
		return nil, err
	}
	if to.RawQuery != "" {
		return nil, fmt.Errorf("%w: a redirect (%d) to a page with a query, perhaps to log in",
			ErrProtocol, answer.StatusCode)
	}
	return to, nil
}

// retryAfter parses a Retry-After (RFC 9110 section 10.2.3). Without one, or with one in the past,
// it returns a few seconds.
func retryAfter(text string) time.Duration {
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return max(time.Duration(seconds)*time.Second, time.Second)
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(time.Until(at), time.Second)
	}
	return 5 * time.Second
}

// query sends a PROPFIND or a REPORT.
func (c *Client) query(
	ctx context.Context, method string, u *url.URL, depth, body string,
) (found *multistatus, at *url.URL, err error) {
	return c.queryUpTo(ctx, maxAnswer, method, u, depth, body)
}

// queryUpTo is query, with an answer of at most so many bytes.
func (c *Client) queryUpTo(
	ctx context.Context, most int64, method string, u *url.URL, depth, body string,
) (found *multistatus, at *url.URL, err error) {
	r := request{method: method, url: u, header: map[string]string{"Depth": depth}, body: body}
	err = c.do(ctx, r, func(answer *http.Response) error {
		c.server, at = answer.Header.Get("Server"), answer.Request.URL
		if answer.StatusCode != http.StatusMultiStatus {
			if isHTML(answer.Header.Get("Content-Type")) {
				return fmt.Errorf("%w: it is a web page, perhaps to log in", ErrProtocol)
			}
			return fmt.Errorf("%w: status %d in place of 207", ErrProtocol, answer.StatusCode)
		}
		found, err = parseMultistatus(answer.Body, most)
		return err
	})
	return found, at, err
}

func isHTML(contentType string) bool {
	return strings.HasPrefix(strings.ToLower(strings.TrimSpace(contentType)), "text/html")
}
