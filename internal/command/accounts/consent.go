package accounts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/imap/imapclient"
	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/config"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/oauth"
	"github.com/mailstrata/mailstrata/internal/secret"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// consentTo asks for consent, tests the token, and stores the grant.
func (c *Auth) consentTo(ctx context.Context, p *cli.Program, ad *credential) error {
	a := ad.account
	store, err := p.TokenStore()
	if err != nil {
		return err
	}
	consent, sealed, err := c.consent(ctx, p, store, ad)
	if err != nil {
		return err
	}
	grant, err := p.AskConsent(ctx, consent, c.way())
	if err != nil {
		return fmt.Errorf("%s: %w", a.Name, err)
	}
	tried, err := c.try(ctx, p, a, "consent as "+a.Options.User+", not with another account, and allow IMAP for it", func(o *imap.Options) {
		o.Token = func(context.Context) (string, error) { return grant.AccessToken, nil }
	})
	if err != nil {
		return err
	}
	grant.Sealed = sealed
	if err := store.Put(ctx, grant); err != nil {
		return err
	}
	return printCredential(p, authSummary{
		Account: a.Name, URL: a.URL, Provider: grant.Provider.Name, Scopes: append([]string{}, grant.Provider.Scopes...),
		Tried: tried, Kept: kept(sealed),
	}, a)
}

// kept returns where a secret is stored, as JSON names it.
func kept(inKeyring bool) string {
	if inKeyring {
		return "keyring"
	}
	return "file"
}

// authSummary is a credential as JSON.
type authSummary struct {
	Account    string   `json:"account,omitempty"`
	URL        string   `json:"url,omitempty"`
	Provider   string   `json:"provider,omitempty"`
	Scopes     []string `json:"scopes,omitempty"`
	Repository string   `json:"repository,omitempty"`
	Tried      bool     `json:"tried"`
	Kept       string   `json:"kept"`
}

// printCredential prints what was stored. The account may be nil.
func printCredential(p *cli.Program, s authSummary, a *access.Account) error {
	if p.JSON {
		return p.PrintJSON(s)
	}
	switch {
	case a == nil && s.Tried:
		p.Printf("the passphrase opens %s, and is now in the keyring", ui.Safe(s.Repository))
		p.Note("note: if the keyring is lost, so is the passphrase: keep a copy somewhere else")
		return nil
	case a == nil:
		p.Printf("stored in the keyring")
		return nil
	}
	if s.Tried {
		p.Printf("%s accepts the login of %s", ui.Safe(a.Options.Host), ui.Safe(a.Options.User))
	}
	if a.Configured.Name != "" {
		p.Printf("mailstrata backup %s needs no password now", ui.Safe(a.Name))
	} else {
		p.Printf("mailstrata backup --imap %s needs no password now", ui.Safe(a.URL))
	}
	return nil
}

// consent returns what to ask for, by the flags, the configuration or the grant before, and whether
// to seal the grant.
func (c *Auth) consent(
	ctx context.Context, p *cli.Program, store *oauth.Store, ad *credential,
) (consent *oauth.Consent, sealed bool, err error) {
	a := ad.account
	configured, err := p.Config()
	if err != nil {
		return nil, false, err
	}
	own := ownProvider(configured, ad.provider)
	if own != nil && own.Application {
		return nil, false, &hint.Usage{Text: "accounts at " + ui.Quote(own.Name) + " need no consent: the application of the configuration reads them", Hint: "mailstrata doctor tries it"}
	}
	consent = &oauth.Consent{User: a.Options.User, Host: a.Options.Host, Port: c.Port, ClientID: c.ClientID}
	before, _ := store.Get(ctx, a.Options.User, a.Options.Host) // ask again if it cannot be read
	sealed = c.Keyring || store.Sealed(a.Options.User, a.Options.Host) || own != nil && own.Keyring
	again := own == nil && before != nil && (c.Provider == "" || c.Provider == before.Provider.Name)
	switch {
	case own != nil:
		consent.Provider = own.OAuth()
	case again && c.Provider == "" && c.AuthURL+c.DeviceURL+c.TokenURL == "":
		consent.Provider = before.Provider
	case ad.provider == "google":
		consent.Provider = oauth.Google()
	case ad.provider == "microsoft":
		consent.Provider = oauth.Microsoft(c.Tenant)
	case ad.provider != "" && ad.provider != "other":
		return nil, false, noProvider(ad.provider, configured)
	default:
		consent.Provider = oauth.Provider{
			Name: "other", AuthURL: c.AuthURL, DeviceURL: c.DeviceURL, TokenURL: c.TokenURL,
		}
	}
	if len(c.Scope) > 0 {
		consent.Provider.Scopes = c.Scope
	}
	if err := consent.Provider.Validate(); err != nil {
		return nil, false, &hint.Usage{Text: err.Error(),
			Hint: "use --provider google or microsoft, or the URLs of another provider; see mailstrata auth --help"}
	}
	clientSecret := secret.Source{
		Name: "secret of the client", Variable: "MAILSTRATA_OAUTH_CLIENT_SECRET", File: c.ClientSecretFile,
	}
	switch {
	case own != nil:
		consent.ClientID = cmp.Or(consent.ClientID, own.ClientID)
		clientSecret = clientSecret.Or(own.Secret)
	case again && consent.ClientID == "":
		consent.ClientID, consent.ClientSecret = before.ClientID, before.ClientSecret
	}
	if consent.ClientID == "" {
		return nil, false, &hint.Usage{Text: "the client ID is missing", Hint: "register a client at the provider (docs/oauth.md), and set --client-id, or client_id in the configuration"}
	}
	if p.Secrets.Given(clientSecret) {
		value, err := p.Secrets.ReadOrKeep(ctx, clientSecret)
		consent.ClientSecret = string(value)
		return consent, sealed, err
	}
	return consent, sealed, nil
}

// ownProvider returns the provider of the configuration with this name, or else the first of this
// kind, or nil.
func ownProvider(c *config.Config, name string) *config.Provider {
	if own := c.Provider(name); own != nil || name == "" || name == "other" {
		return own
	}
	if i := slices.IndexFunc(c.Providers, func(p config.Provider) bool { return p.Kind == name }); i >= 0 {
		return &c.Providers[i]
	}
	return nil
}

func noProvider(name string, c *config.Config) error {
	names := append([]string{"google", "microsoft", "other"}, c.ProviderNames()...)
	return &hint.Usage{
		Text: "there is no provider " + ui.Quote(name),
		Hint: cmp.Or(ui.DidYouMean(name, names), "use one of "+ui.Safe(strings.Join(names, ", "))),
	}
}

// way returns how the flags say that the owner consents.
func (c *Auth) way() access.ConsentWay {
	switch {
	case c.Device:
		return access.ByDevice
	case c.Browser:
		return access.ByBrowser
	}
	return access.AnyWay
}

// try logs in with the secret that enter puts into the options. If the login is refused, the error
// has the advice. If the server cannot be reached, it only warns.
func (c *Auth) try(
	ctx context.Context, p *cli.Program, a *access.Account, advice string, enter func(*imap.Options),
) (tried bool, err error) {
	if err := p.ConfigureAccount(a, &access.AccountFlags{Connections: 1}); err != nil {
		return false, err
	}
	options := a.Options
	enter(&options)
	client, err := imapclient.Dial(ctx, &options)
	switch {
	case err == nil:
		return true, client.Close()
	case errors.Is(err, imap.ErrLogin):
		return false, &hint.Error{Text: ui.OneLine(err.Error()) + "; nothing was stored", Hint: advice, Err: err}
	case ctx.Err() != nil:
		return false, err
	}
	p.Warn("it was not tested: %s", ui.OneLine(err.Error()))
	return false, nil
}
