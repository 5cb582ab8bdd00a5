package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/mailstrata/mailstrata/internal/loopback"
)

// Consent asks the owner of an account for a grant.
type Consent struct {
	Provider     Provider
	ClientID     string
	ClientSecret string // "": the client is public, and has none

	User, Host string // of the account
	Port       int    // for the redirect of a browser; 0: any free port

	Transport http.RoundTripper // nil: the default
}

func (c *Consent) config() *oauth2.Config {
	return &oauth2.Config{
		ClientID: c.ClientID, ClientSecret: c.ClientSecret, Scopes: c.Provider.Scopes,
		Endpoint: oauth2.Endpoint{AuthURL: c.Provider.AuthURL, DeviceAuthURL: c.Provider.DeviceURL, TokenURL: c.Provider.TokenURL,
			AuthStyle: oauth2.AuthStyleInParams},
	}
}

// grant returns the grant for a token.
func (c *Consent) grant(token *oauth2.Token) (*Grant, error) {
	if token.RefreshToken == "" {
		return nil, fmt.Errorf("%s issues no refresh token: the client must request offline access, and be allowed to", hostOf(c.Provider.TokenURL))
	}
	g := &Grant{
		Version: grantVersion, User: c.User, Host: c.Host,
		Provider: c.Provider, ClientID: c.ClientID, ClientSecret: c.ClientSecret,
	}
	g.take(token)
	return g, nil
}

// Limits of what a provider may ask for. (A ticker of oauth2 would panic at a negative interval.)
const (
	usualInterval = 5   // seconds
	longInterval  = 120 // seconds
	usualWait     = 15 * time.Minute
	longWait      = time.Hour
)

// Device asks for consent on any device (RFC 8628). show gets the page to open, and the code to
// enter there.
func (c *Consent) Device(ctx context.Context, show func(page, code string)) (*Grant, error) {
	if c.Provider.DeviceURL == "" {
		return nil, ErrNoDevice
	}
	with := withClient(ctx, c.Transport)
	code, err := c.config().DeviceAuth(with)
	if err != nil {
		return nil, c.noDevice(ctx, err)
	}
	if err := bound(code); err != nil {
		return nil, fmt.Errorf("%s %w", hostOf(c.Provider.DeviceURL), err)
	}
	show(code.VerificationURI, code.UserCode)
	token, err := c.poll(ctx, with, code)
	if err != nil {
		return nil, err
	}
	return c.grant(token)
}

// noDevice returns ErrNoDevice if the provider has no device flow for this client, or else the
// error.
func (c *Consent) noDevice(ctx context.Context, err error) error {
	explained := explain(ctx, c.Provider.DeviceURL, err, []string{c.ClientSecret})
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) &&
		(slices.Contains(deviceCodes, refused.ErrorCode) || refused.Response.StatusCode == http.StatusNotFound) {
		return fmt.Errorf("%w: %w", ErrNoDevice, explained)
	}
	return explained
}

// bound checks that an answer can be shown, and limits its times.
func bound(code *oauth2.DeviceAuthResponse) error {
	if code == nil || code.DeviceCode == "" || code.UserCode == "" || len(code.UserCode) > 100 {
		return errors.New("the answer is not a device code")
	}
	page, err := url.Parse(code.VerificationURI)
	if err != nil || page.Host == "" || page.Scheme != "https" && !loopback.Is(page.Hostname()) ||
		len(code.VerificationURI) > 500 {
		return errors.New("the URL of the page is not safe")
	}
	if code.Interval < 1 {
		code.Interval = usualInterval
	}
	code.Interval = min(code.Interval, longInterval)
	now := time.Now()
	if code.Expiry.IsZero() {
		code.Expiry = now.Add(usualWait)
	}
	if last := now.Add(longWait); code.Expiry.After(last) {
		code.Expiry = last
	}
	return nil
}

// poll asks until there is an answer. It ignores connections that fail.
func (c *Consent) poll(ctx, with context.Context, code *oauth2.DeviceAuthResponse) (*oauth2.Token, error) {
	for {
		token, err := c.config().DeviceAccessToken(with, code)
		if err == nil {
			return token, nil
		}
		if ctx.Err() == nil && !time.Now().Before(code.Expiry) {
			return nil, ErrExpired
		}
		err = explain(ctx, c.Provider.TokenURL, err, []string{c.ClientSecret, code.DeviceCode})
		if !errors.Is(err, ErrUnavailable) {
			return nil, strangers(err)
		}
	}
}

// strangers: before the first consent, "new consent needed" means that the code was refused.
func strangers(err error) error {
	if errors.Is(err, ErrConsent) {
		return errors.New(strings.Replace(err.Error(), ErrConsent.Error(),
			"the provider takes its own code for invalid; try again", 1))
	}
	return err
}
