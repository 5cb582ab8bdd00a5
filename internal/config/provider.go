package config

import (
	"cmp"

	"github.com/mailstrata/mailstrata/internal/oauth"
)

// Provider issues tokens for accounts that take no passwords. It holds the client that the user
// registered there.
type Provider struct {
	Name      string // as accounts call it
	Kind      string // "google", "microsoft" or "other"
	ClientID  string
	Secret    Secret // of the client
	Tenant    string // at Microsoft
	Scopes    []string
	AuthURL   string
	DeviceURL string
	TokenURL  string
	Keyring   bool // tokens are sealed to a key in the keyring

	Application    bool   // an administrator has allowed the client to read all accounts: no owner consents
	ServiceAccount string // the file with the key of a service account of Google, which is such a client
}

// ProviderNames returns the names of the providers.
func (c *Config) ProviderNames() (names []string) {
	for i := range c.Providers {
		names = append(names, c.Providers[i].Name)
	}
	return names
}

// OAuth returns the provider for package oauth.
func (p *Provider) OAuth() oauth.Provider {
	var provider oauth.Provider
	switch p.Kind {
	case "google":
		provider = oauth.Google()
	case "microsoft":
		provider = oauth.Microsoft(cmp.Or(p.Tenant, "common"))
		if p.Application {
			provider = oauth.MicrosoftApplication(p.Tenant)
		}
	default:
		provider = oauth.Provider{Name: "other", AuthURL: p.AuthURL, DeviceURL: p.DeviceURL, TokenURL: p.TokenURL}
	}
	if len(p.Scopes) > 0 {
		provider.Scopes = p.Scopes
	}
	return provider
}

func (t *table) provider(c *Config) Provider {
	p := Provider{
		Name: t.text("name"), Kind: t.choice("kind", "google", "microsoft", "other"),
		ClientID: t.text("client_id"), Secret: t.secret("client_secret"),
		Tenant: t.text("tenant"), Scopes: t.texts("scopes"), Keyring: t.flag("keyring"),
		AuthURL: t.text("auth_url"), DeviceURL: t.text("device_url"), TokenURL: t.text("token_url"),
		Application: t.flag("application"), ServiceAccount: t.file("service_account_file"),
	}
	if p.Kind == "" {
		if p.Kind = "other"; p.Name == "google" || p.Name == "microsoft" {
			p.Kind = p.Name
		}
	}
	asked := p.OAuth()
	switch {
	case p.Name == "":
		t.wrong("", "a provider needs a name, for oauth2_provider = \"…\"")
	case c.Provider(p.Name) != nil:
		t.wrong("name", "%q is the name of another provider too", p.Name)
	}
	if !t.has("client_id") && p.ServiceAccount == "" {
		t.wrong("", "a provider needs a client_id (docs/oauth.md)")
	}
	t.application(&p)
	if p.Tenant != "" && p.Kind != "microsoft" {
		t.wrong("tenant", "is only for Microsoft")
	}
	if p.Kind != "other" {
		for _, key := range []string{"auth_url", "device_url", "token_url"} {
			if t.has(key) {
				t.wrong(key, "is built in for %s; set it only for providers of the kind \"other\"", p.Kind)
			}
		}
	} else if err := asked.Validate(); err != nil && !p.Application {
		t.wrong("", "%v", err)
	}
	t.end()
	return p
}

// application reports what a provider lacks whose tokens need no consent, and what contradicts it.
func (t *table) application(p *Provider) {
	if p.ServiceAccount != "" {
		if p.Kind != "google" {
			t.wrong("service_account_file", "is only for Google")
		}
		for _, key := range []string{"application", "client_id", "keyring"} {
			if t.has(key) {
				t.wrong(key, "excludes service_account_file")
			}
		}
		p.Application = true
		return
	}
	if !p.Application {
		return
	}
	switch {
	case p.Kind == "google":
		t.wrong("application", "is not for Google, which has service accounts: service_account_file")
	case p.Kind == "microsoft" && p.Tenant == "":
		t.wrong("application", "needs the tenant")
	case p.Kind == "other" && p.TokenURL == "":
		t.wrong("application", "needs the token_url")
	}
	if p.Secret.IsZero() {
		t.wrong("application", "needs the secret of the client: client_secret_file, or another client_secret_…")
	}
	if p.Keyring {
		t.wrong("keyring", "has nothing to seal: tokens of an application are not stored")
	}
}
