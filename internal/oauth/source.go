package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/oauth2"
)

// Source gives access tokens of one account. It is asked at each login, and may be by several goroutines at once: the
// locks of the store are between them too.
type Source struct {
	store      *Store
	user, host string
	transport  http.RoundTripper
}

// NewSource gives tokens of the grant that the store has. A nil transport is the usual one.
func NewSource(store *Store, user, host string, transport http.RoundTripper) *Source {
	return &Source{store, user, host, transport}
}

// Token is an access token that is good for some minutes at least, a new one where need be. ErrConsent: there will be none
// until the owner has consented again; ErrUnavailable: not now.
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

// renew gets a new token, unless another has got one meanwhile.
func (s *Source) renew(ctx context.Context) (string, error) {
	unlock, err := s.store.lock(ctx, s.user, s.host)
	if err != nil {
		return "", err
	}
	defer unlock()
	g, err := s.store.Get(ctx, s.user, s.host)
	if err != nil || g.isFresh() {
		return accessToken(g), err
	}
	next, err := s.store.begin(ctx, g)
	if err != nil {
		return "", err
	}
	token, err := s.refresh(ctx, g)
	if errors.Is(err, ErrUnavailable) && time.Now().Before(g.Expiry) {
		next.text.Discard()
		return g.AccessToken, nil // good for some minutes yet, and by then the provider may be back
	}
	if err != nil {
		next.text.Discard()
		return "", fmt.Errorf("renew the access token of %s: %w", g, err)
	}
	g.take(token)
	return g.AccessToken, next.finish(g)
}

func accessToken(g *Grant) string {
	if g == nil {
		return ""
	}
	return g.AccessToken
}

// refresh asks the provider. What it gives instead of the old refresh token is in the answer, or else the old one. The
// answer is waited for, whatever becomes of ctx: it may hold the only refresh token that is good.
func (s *Source) refresh(ctx context.Context, g *Grant) (*oauth2.Token, error) {
	with := carried(context.WithoutCancel(ctx), s.transport)
	token, err := g.config().TokenSource(with, &oauth2.Token{RefreshToken: g.RefreshToken}).Token()
	if err != nil {
		return nil, explain(with, g.Provider.TokenURL, err, g.secrets())
	}
	return token, nil
}
