package oauth

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	"golang.org/x/oauth2/jwt"
)

// An Application gets tokens for the accounts of an organization, whose administrator has allowed
// it: no owner of an account consents. It is safe for concurrent use.
type Application struct {
	endpoint  string
	secrets   []string
	perUser   bool
	transport http.RoundTripper
	issue     func(ctx context.Context, user string) (*oauth2.Token, error)

	mu     sync.Mutex
	issued map[string]*issuedToken // by user; one for all, under "", unless perUser
}

// issuedToken is the newest token of a user. Its mutex is held while the endpoint is asked, so that
// others who need the same token wait for it, and those of other users do not.
type issuedToken struct {
	mu    sync.Mutex
	token *oauth2.Token
}

// NewClientCredentials returns an application that logs in with its own secret (RFC 6749 section
// 4.4), as Microsoft 365 wants. Its tokens open each account that the administrator allows. A nil
// transport is the default.
func NewClientCredentials(
	p Provider, clientID, clientSecret string, transport http.RoundTripper,
) (*Application, error) {
	if clientSecret == "" {
		return nil, errors.New("an application needs the secret of its client")
	}
	c := clientcredentials.Config{
		ClientID: clientID, ClientSecret: clientSecret, TokenURL: p.TokenURL, Scopes: p.Scopes, AuthStyle: oauth2.AuthStyleInParams,
	}
	return &Application{
		endpoint: p.TokenURL, secrets: []string{clientSecret}, transport: transport, issued: map[string]*issuedToken{},
		issue: func(ctx context.Context, _ string) (*oauth2.Token, error) { return c.Token(ctx) },
	}, nil
}

// NewServiceAccount returns an application that signs a request for each user with its own key (RFC
// 7523), as Google Workspace wants. key is the file in JSON that Google issues. A nil transport is
// the default.
func NewServiceAccount(key []byte, scopes []string, transport http.RoundTripper) (*Application, error) {
	var account struct {
		Type     string `json:"type"`
		Email    string `json:"client_email"`
		KeyID    string `json:"private_key_id"`
		Key      string `json:"private_key"`
		TokenURL string `json:"token_uri"`
	}
	if err := json.Unmarshal(key, &account); err != nil {
		return nil, errors.New("the key is not JSON, as Google issues it for a service account")
	}
	if account.Type != "service_account" || account.Email == "" || account.TokenURL == "" {
		return nil, errors.New("the key is not that of a service account")
	}
	if err := checkPrivateKey(account.Key); err != nil {
		return nil, err
	}
	at := Provider{TokenURL: account.TokenURL, AuthURL: account.TokenURL}
	if err := at.Validate(); err != nil {
		return nil, err
	}
	c := jwt.Config{
		Email: account.Email, PrivateKey: []byte(account.Key), PrivateKeyID: account.KeyID, Scopes: scopes,
		TokenURL: account.TokenURL,
	}
	return &Application{
		endpoint: account.TokenURL, secrets: []string{account.Key}, perUser: true, transport: transport, issued: map[string]*issuedToken{},
		issue: func(ctx context.Context, user string) (*oauth2.Token, error) {
			c := c
			c.Subject = user
			return c.TokenSource(ctx).Token()
		},
	}, nil
}

// checkPrivateKey returns an error for a key that package jwt would refuse with an error that may
// repeat it.
func checkPrivateKey(text string) error {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return errors.New("the key of the service account has no private key")
	}
	if _, err := x509.ParsePKCS8PrivateKey(block.Bytes); err != nil {
		return errors.New("the private key of the service account cannot be read")
	}
	return nil
}

// Token returns an access token for a user's account that is valid for some minutes at least. It
// returns ErrUnavailable for a temporary error.
func (a *Application) Token(ctx context.Context, user string) (string, error) {
	name := ""
	if a.perUser {
		name = user
	}
	of := a.tokenOf(name)
	of.mu.Lock()
	defer of.mu.Unlock()
	if token := of.token; token != nil && isFresh(token.AccessToken, token.Expiry) {
		return token.AccessToken, nil
	}
	sent := &recorder{RoundTripper: a.transport}
	if a.transport == nil {
		sent.RoundTripper = http.DefaultTransport
	}
	with := withClient(ctx, sent)
	token, err := a.issue(with, user)
	if err != nil {
		if sent.err != nil {
			err = &url.Error{Err: sent.err}
		}
		return "", fmt.Errorf("get an access token for %s: %w",
			user, refused(explain(with, a.endpoint, err, a.secrets)))
	}
	of.token = token
	return token.AccessToken, nil
}

func (a *Application) tokenOf(name string) *issuedToken {
	a.mu.Lock()
	defer a.mu.Unlock()
	of := a.issued[name]
	if of == nil {
		of = new(issuedToken)
		a.issued[name] = of
	}
	return of
}

// recorder remembers the error of a request, of which package jwt gives only the text.
type recorder struct {
	http.RoundTripper
	err error
}

// RoundTrip implements http.RoundTripper.
func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := r.RoundTripper.RoundTrip(req)
	r.err = err
	return resp, err
}

// refused: an application has no consent of an owner that could end. The administrator decides.
func refused(err error) error {
	if errors.Is(err, ErrConsent) {
		return fmt.Errorf("the administrator must allow the application to read this account: %w", withoutKind{err})
	}
	return err
}

// withoutKind has the text of an error, and not its kind.
type withoutKind struct{ error }
