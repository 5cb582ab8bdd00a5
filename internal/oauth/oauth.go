package oauth

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/endpoints"

	"github.com/mailstrata/mailstrata/internal/loopback"
)

// Provider issues tokens for some scopes.
type Provider struct {
	Name      string   `json:"name"`
	AuthURL   string   `json:"auth_url,omitempty"`   // the page of the consent, for a browser
	DeviceURL string   `json:"device_url,omitempty"` // where a code for the consent on another device is had; "": not offered
	TokenURL  string   `json:"token_url"`
	Scopes    []string `json:"scopes"`

	Extra    map[string]string `json:"extra,omitempty"`    // more parameters of AuthURL
	Loopback string            `json:"loopback,omitempty"` // how the provider wants this host to be called when a browser comes back; "": 127.0.0.1
}

// Google issues tokens for Gmail. It issues a refresh token only if asked, and only with a consent.
func Google() Provider {
	return Provider{
		Name: "google", AuthURL: endpoints.Google.AuthURL, DeviceURL: endpoints.Google.DeviceAuthURL, TokenURL: endpoints.Google.TokenURL,
		Scopes: []string{"https://mail.google.com/"},
		Extra:  map[string]string{"access_type": "offline", "prompt": "consent"},
	}
}

// Microsoft issues tokens for Microsoft 365 and Outlook.com. The tenant is "common" unless the
// application is for one tenant.
func Microsoft(tenant string) Provider {
	at := endpoints.AzureAD(tenant)
	return Provider{
		Name: "microsoft", AuthURL: at.AuthURL, DeviceURL: at.DeviceAuthURL, TokenURL: at.TokenURL,
		Scopes:   []string{"https://outlook.office.com/IMAP.AccessAsUser.All", "offline_access"},
		Loopback: "localhost", // only this name allows any port
	}
}

// MicrosoftApplication issues tokens for the accounts of one tenant to an application that its
// administrator has allowed.
func MicrosoftApplication(tenant string) Provider {
	return Provider{
		Name: "microsoft", TokenURL: endpoints.AzureAD(tenant).TokenURL,
		Scopes: []string{"https://outlook.office365.com/.default"},
	}
}

// Validate returns an error for an invalid provider. Tokens travel in plain text only on the
// loopback.
func (p *Provider) Validate() error {
	if p.TokenURL == "" || p.AuthURL == "" && p.DeviceURL == "" {
		return fmt.Errorf("a provider needs a URL for tokens, and one for consent or device codes")
	}
	for _, text := range []string{p.AuthURL, p.DeviceURL, p.TokenURL} {
		if text == "" {
			continue
		}
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || u.User != nil ||
			u.Scheme != "https" && (u.Scheme != "http" || !loopback.Is(u.Hostname())) {
			return fmt.Errorf("a URL of the provider is not https://host/path")
		}
	}
	return nil
}

// Grant is the consent of the owner of an account, with all that is needed to use it. It is secret.
type Grant struct {
	Version int    `json:"version"`
	User    string `json:"user"`
	Host    string `json:"host"` // of the mail server

	Provider     Provider `json:"provider"`
	ClientID     string   `json:"client_id"`
	ClientSecret string   `json:"client_secret,omitempty"`

	RefreshToken string    `json:"refresh_token"`
	AccessToken  string    `json:"access_token"`
	Expiry       time.Time `json:"expiry"` // of the access token

	Sealed bool `json:"-"` // seal its file to a key in the keyring
}

// grantVersion is the version of the file.
const grantVersion = 1

// String returns the account only, so that printing a grant by mistake reveals nothing.
func (g *Grant) String() string { return g.User + "@" + g.Host }

// GoString is String.
func (g *Grant) GoString() string { return g.String() }

func (g *Grant) config() *oauth2.Config {
	return &oauth2.Config{
		ClientID: g.ClientID, ClientSecret: g.ClientSecret, Scopes: g.Provider.Scopes,
		// In parameters, not tried in both ways: a refresh token may work only once.
		Endpoint: oauth2.Endpoint{TokenURL: g.Provider.TokenURL, AuthStyle: oauth2.AuthStyleInParams},
	}
}

// take puts a token of the provider into the grant.
func (g *Grant) take(token *oauth2.Token) {
	g.AccessToken, g.RefreshToken, g.Expiry = token.AccessToken, token.RefreshToken, token.Expiry
}

// leeway is how long a token must remain valid: logins take time, and clocks differ.
const leeway = 5 * time.Minute

// isFresh reports whether the access token is still valid. A token without an expiry is used only
// once.
func (g *Grant) isFresh() bool { return isFresh(g.AccessToken, g.Expiry) }

func isFresh(token string, expiry time.Time) bool { return token != "" && time.Until(expiry) > leeway }

// secrets returns what no text may repeat.
func (g *Grant) secrets() []string {
	return slices.DeleteFunc([]string{g.ClientSecret, g.RefreshToken, g.AccessToken}, func(s string) bool { return strings.TrimSpace(s) == "" })
}
