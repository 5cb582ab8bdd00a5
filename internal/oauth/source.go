package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/oauth2"
)

// Source returns access tokens of one account, one for each login. It is safe for concurrent use,
// because the store locks the grant.
type Source struct {
	store      *Store
	user, host string
	transport  http.RoundTripper
}

// NewSource returns a source of tokens of the grant in the store. A nil transport is the default.
func NewSource(store *Store, user, host string, transport http.RoundTripper) *Source {
	return &Source{store, user, host, transport}
}

// Token returns an access token that is valid for some minutes at least. It returns ErrConsent if
// the owner must consent again, and ErrUnavailable for a temporary error.
func (s *Source) Token(ctx context.Context) (string, error) {
	g, err := s.store.Get(ctx, s.user, s.host)
	if err != nil {
		return "", err
	}
	if g.isFresh() {
		return g.AccessToken, nil
	}
	return s.renew(ctx)
}

// renew returns a new token, unless another process has renewed it.
func (s *Source) renew(ctx context.Context) (string, error) {
	unlock, err := s.store.lock(ctx, s.user, s.host)
	if err != nil {
		return "", err
	}
	defer unlock()
	g, err := s.store.Get(ctx, s.user, s.host)
	if err != nil {
		return "", err
	}
	if g.isFresh() {
		return g.AccessToken, nil
	}
	next, err := s.store.begin(ctx, g)
	if err != nil {
		return "", err
	}
	token, err := s.refresh(ctx, g)
	if errors.Is(err, ErrUnavailable) && time.Now().Before(g.Expiry) {
		next.text.Discard()
		return g.AccessToken, nil // still valid for some minutes; the provider may be back by then
	}
	if err != nil {
		next.text.Discard()
		return "", fmt.Errorf("renew the access token of %s: %w", g, err)
	}
	g.take(token)
	return g.AccessToken, next.finish(g)
}

// refresh asks the provider for a token. The answer has the new refresh token, or else the old one
// remains valid. It waits for the answer even if ctx ends, because the answer may hold the only
// valid refresh token.
func (s *Source) refresh(ctx context.Context, g *Grant) (*oauth2.Token, error) {
	with := withClient(context.WithoutCancel(ctx), s.transport)
	token, err := g.config().TokenSource(with, &oauth2.Token{RefreshToken: g.RefreshToken}).Token()
	if err != nil {
		return nil, explain(with, g.Provider.TokenURL, err, g.secrets())
	}
	return token, nil
}
