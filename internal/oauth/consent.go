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
)

// Consent asks the owner of an account for a grant.
type Consent struct {
	Provider     Provider
	ClientID     string
	ClientSecret string // "": the client is public, and has none

	User, Host string // of the account
	Port       int    // where a browser comes back to; 0: any free one

	Transport http.RoundTripper // nil: the usual one
}

func (c *Consent) config() *oauth2.Config {
	return &oauth2.Config{
		ClientID: c.ClientID, ClientSecret: c.ClientSecret, Scopes: c.Provider.Scopes,
		Endpoint: oauth2.Endpoint{AuthURL: c.Provider.AuthURL, DeviceAuthURL: c.Provider.DeviceURL, TokenURL: c.Provider.TokenURL,
			AuthStyle: oauth2.AuthStyleInParams},
	}
}

// grant is the end of either way.
func (c *Consent) grant(token *oauth2.Token) (*Grant, error) {
	if token.RefreshToken == "" {
		return nil, fmt.Errorf("%s gives a token for now and none for later (no refresh token): the client must ask for offline access, and be allowed to", hostOf(c.Provider.TokenURL))
	}
	g := &Grant{
		Version: grantVersion, User: c.User, Host: c.Host,
		Provider: c.Provider, ClientID: c.ClientID, ClientSecret: c.ClientSecret,
	}
	g.take(token)
	return g, nil
}

// Bounds of what a provider may ask for. (A ticker of oauth2's would panic at an interval below nothing.)
const (
	usualInterval = 5   // seconds
	longInterval  = 120 // seconds
	usualWait     = 15 * time.Minute
	longWait      = time.Hour
)

// Device is the way for hosts without a browser (RFC 8628): show tells the page to open anywhere, and the code to enter
// there.
func (c *Consent) Device(ctx context.Context, show func(page, code string)) (*Grant, error) {
	if c.Provider.DeviceURL == "" {
		return nil, ErrNoDevice
	}
	with := carried(ctx, c.Transport)
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

// noDevice tells that there is no such way for this client from other trouble.
func (c *Consent) noDevice(ctx context.Context, err error) error {
	explained := explain(ctx, c.Provider.DeviceURL, err, []string{c.ClientSecret})
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) && (slices.Contains(deviceCodes, refused.ErrorCode) || refused.Response.StatusCode == http.StatusNotFound) {
		return fmt.Errorf("%w: %w", ErrNoDevice, explained)
	}
	return explained
}

// bound refuses an answer that cannot be shown, and brings its times to what can be waited for.
func bound(code *oauth2.DeviceAuthResponse) error {
	if code == nil || code.DeviceCode == "" || code.UserCode == "" || len(code.UserCode) > 100 {
		return errors.New("answers with something that is no device code")
	}
	page, err := url.Parse(code.VerificationURI)
	if err != nil || page.Host == "" || page.Scheme != "https" && !isLoopback(page.Hostname()) || len(code.VerificationURI) > 500 {
		return errors.New("names no page that can be opened safely")
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

// poll asks until there is an answer. A connection that fails meanwhile is no answer.
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

// strangers: before there is a consent, one that is "needed again" is a code that was refused.
func strangers(err error) error {
	if errors.Is(err, ErrConsent) {
		return errors.New(strings.Replace(err.Error(), ErrConsent.Error(), "the provider takes its own code for invalid; try again", 1))
	}
	return err
}
