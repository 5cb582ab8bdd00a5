package oauth

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"golang.org/x/oauth2"

	"github.com/mailstrata/mailstrata/internal/printable"
)

// browserWait is how long the user may take to consent.
const browserWait = 15 * time.Minute

// returned is the result of the redirect to this host.
type returned struct {
	code string
	err  error
}

// Browser asks for consent in a browser (RFC 8252 section 7.3, RFC 7636). show gets the page to
// open. The provider then redirects the browser to this host, which listens only on the loopback.
func (c *Consent) Browser(ctx context.Context, show func(page string)) (*Grant, error) {
	if c.Provider.AuthURL == "" {
		return nil, errors.New("the provider has no page for browsers")
	}
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(c.Port)))
	if err != nil {
		return nil, fmt.Errorf("listen for the browser: %w", err)
	}
	config := c.config()
	host := cmp.Or(c.Provider.Loopback, "127.0.0.1")
	config.RedirectURL = fmt.Sprintf("http://%s:%d/", host, listener.Addr().(*net.TCPAddr).Port)

	state, verifier := rand.Text(), oauth2.GenerateVerifier()
	came := make(chan returned, 1)
	server := &http.Server{
		Handler: landing(state, came), ReadTimeout: patience, WriteTimeout: patience,
		MaxHeaderBytes: 64 << 10,
	}
	go func() { _ = server.Serve(listener) }() // until it is closed below
	defer func() {
		soon, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = server.Shutdown(soon) // so that the browser has its page
		_ = server.Close()
	}()
	show(config.AuthCodeURL(state, c.parameters(verifier)...))

	code, err := waitFor(ctx, came)
	if err != nil {
		return nil, err
	}
	token, err := config.Exchange(withClient(ctx, c.Transport), code, oauth2.VerifierOption(verifier))
	if err != nil {
		return nil, strangers(explain(ctx, c.Provider.TokenURL, err, []string{c.ClientSecret, code, verifier}))
	}
	return c.grant(token)
}

func (c *Consent) parameters(verifier string) []oauth2.AuthCodeOption {
	with := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(verifier), oauth2.SetAuthURLParam("login_hint", c.User)}
	for _, name := range slices.Sorted(maps.Keys(c.Provider.Extra)) {
		with = append(with, oauth2.SetAuthURLParam(name, c.Provider.Extra[name]))
	}
	return with
}

func waitFor(ctx context.Context, came <-chan returned) (string, error) {
	late := time.NewTimer(browserWait)
	defer late.Stop()
	select {
	case r := <-came:
		return r.code, r.err
	case <-late.C:
		return "", ErrExpired
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// landing accepts the browser that knows the state. Other visitors get an error and end nothing:
// any page that the user has open can send a browser here.
func landing(state string, came chan<- returned) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Referrer-Policy", "no-referrer")
		query := r.URL.Query()
		if r.Method != http.MethodGet || r.URL.Path != "/" ||
			subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(state)) != 1 {
			http.Error(w, "This page is for one visitor, and you are another.", http.StatusNotFound)
			return
		}
		brought := outcome(query)
		select {
		case came <- brought:
		default: // a page loaded twice
		}
		if brought.err != nil {
			_, _ = io.WriteString(w, "No consent was given. You can close this page.\n")
			return
		}
		_, _ = io.WriteString(w, "Thank you. mailstrata goes on in its terminal; you can close this page.\n")
	})
}

func outcome(query url.Values) returned {
	switch code := query.Get("error"); {
	case code == "access_denied":
		return returned{err: ErrDenied}
	case code != "":
		said := printable.Text(code)
		if more := query.Get("error_description"); more != "" {
			said += ": " + printable.Text(more)
		}
		return returned{err: fmt.Errorf("the provider refused consent (%s)", said)}
	case query.Get("code") == "":
		return returned{err: errors.New("the browser came back without a code")}
	}
	return returned{code: query.Get("code")}
}
