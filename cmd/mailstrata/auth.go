package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/oauth"
)

type authCommand struct {
	Account string `arg:"" help:"An account of the configuration, a mail address at Google or Microsoft, or the URL of an account: imaps://user@host[:port]."`

	Provider         string   `group:"provider" enum:"google,microsoft,other," default:"" help:"Who gives tokens: google, microsoft, or other, with --auth-url, --device-url and --token-url. Where it is not told, it is as it was for this account before, or goes by the address."`
	ClientID         string   `group:"provider" name:"client-id" placeholder:"ID" var:"MAILSTRATA_OAUTH_CLIENT_ID" help:"The client (application) that you registered at the provider; docs/oauth.md tells how."`
	ClientSecretFile string   `group:"provider" placeholder:"FILE" type:"path" help:"A file that holds the secret of the client, where it has one. (The variable MAILSTRATA_OAUTH_CLIENT_SECRET holds the secret itself.)"`
	Tenant           string   `group:"provider" default:"common" help:"At Microsoft, the tenant of an application that is for one alone."`
	Scope            []string `group:"provider" sep:"none" placeholder:"SCOPE" help:"What to ask for, instead of the usual (repeatable)."`
	AuthURL          string   `group:"provider" name:"auth-url" placeholder:"URL" help:"The provider's page for browsers."`
	DeviceURL        string   `group:"provider" name:"device-url" placeholder:"URL" help:"Where it gives device codes."`
	TokenURL         string   `group:"provider" name:"token-url" placeholder:"URL" help:"Where it gives tokens."`

	Browser bool   `xor:"way" help:"Consent in a browser on this host. Google's way in any case."`
	Device  bool   `xor:"way" help:"Consent on any device, with a code. The usual way where the provider has it."`
	Port    int    `placeholder:"N" help:"The port of the loopback where the browser comes back to; any free one, if it is not told."`
	Forget  bool   `help:"Forget what is kept of the account. (Take back the consent at the provider, too.)"`
	CAFile  string `group:"account" name:"ca-file" placeholder:"FILE" type:"path" help:"Certificates (PEM) of the mail server to trust besides those of the system."`
}

func (*authCommand) Help() string {
	return `Asks the owner of an account for consent, once, and keeps what the provider gives (a refresh token) in a file in the state directory that only this user can read. From then on, every command that names the account logs in with a token of it, and renews it in time. A password or a token that a flag names counts more, a variable less.

On a host without a browser, a code is entered on any other device. Where a provider has no such way (Google has none for mail), the browser must reach this host: mailstrata auth --port 8765 there, and ssh -L 8765:127.0.0.1:8765 HOST here.

The token is tried on the mail server before it is kept: whoever consents with another account than the one that is named is told.

EXAMPLES

    mailstrata auth anna@gmail.com --client-id ID --client-secret-file client-secret
    mailstrata auth anna@contoso.example --provider microsoft --client-id ID
    mailstrata auth imaps://anna@mail.example --provider other --device-url https://id.example/device --token-url https://id.example/token --client-id ID --scope mail --scope offline_access
    mailstrata auth anna@gmail.com

The last renews a consent that was taken back or ran out, with the provider and the client of before.

JSON: one object with account, url, provider, scopes, tried (the mail server took the token).

EXIT STATUS

0 done; 1 failed, or refused; 2 the command line makes no sense; 130 interrupted.`
}

// known is what is known of a provider's mail.
type known struct{ provider, host string }

// knownHosts are the domains whose mail is at one of the providers; of others one cannot tell by the name.
var knownHosts = map[string]known{
	"gmail.com":      {"google", "imap.gmail.com"},
	"googlemail.com": {"google", "imap.gmail.com"},
	"outlook.com":    {"microsoft", "outlook.office365.com"},
	"hotmail.com":    {"microsoft", "outlook.office365.com"},
	"live.com":       {"microsoft", "outlook.office365.com"},
	"msn.com":        {"microsoft", "outlook.office365.com"},
}

// providerHosts are where the providers keep mail.
var providerHosts = map[string]string{"google": "imap.gmail.com", "microsoft": "outlook.office365.com"}

// Run asks for the consent, tries it, and keeps it.
func (c *authCommand) Run(ctx context.Context, p *program) error {
	a, provider, err := c.account(p)
	if err != nil {
		return err
	}
	store, err := p.grants()
	if err != nil {
		return err
	}
	if c.Forget {
		return store.Delete(ctx, a.opts.User, a.opts.Host)
	}
	consent, err := c.consent(ctx, p, store, a, provider)
	if err != nil {
		return err
	}
	grant, err := c.ask(ctx, p, consent)
	if err != nil {
		return fmt.Errorf("%s: %w", a.name, err)
	}
	tried, err := c.try(ctx, p, a, grant)
	if err != nil {
		return err
	}
	if err := store.Put(ctx, grant); err != nil {
		return err
	}
	return c.tell(p, a, grant, tried)
}

// account is the one that is named, and its provider as far as the name tells.
func (c *authCommand) account(p *program) (*account, string, error) {
	configured, err := p.configuredAccount(c.Account)
	if err != nil {
		return nil, "", err
	}
	if configured != nil {
		return configured, cmp.Or(c.Provider, providerAt(configured)), nil
	}
	if strings.Contains(c.Account, "://") {
		a, err := parseAccount(c.Account)
		if err != nil {
			return nil, "", err
		}
		return a, cmp.Or(c.Provider, providerAt(a)), nil
	}
	at := strings.LastIndexByte(c.Account, '@')
	if at < 1 {
		return nil, "", &usageError{text: quoted(c.Account) + " is neither a mail address nor the URL of an account", hint: "mailstrata auth anna@gmail.com, or imaps://user@host"}
	}
	usual := knownHosts[strings.ToLower(c.Account[at+1:])]
	provider := cmp.Or(c.Provider, usual.provider)
	host := providerHosts[provider]
	if host == "" {
		return nil, "", &usageError{
			text: "of " + quoted(c.Account) + " it is not known where its mail is",
			hint: "say --provider google or --provider microsoft, or give the URL of the account: imaps://user@host",
		}
	}
	a, err := parseAccount(imapsURL(c.Account, host))
	return a, provider, err
}

// providerAt goes by the account's server; "": it is neither's.
func providerAt(a *account) string {
	for provider, host := range providerHosts {
		if strings.EqualFold(a.opts.Host, host) {
			return provider
		}
	}
	return ""
}

// imapsURL is the URL of the account of a user, whose name is mostly an address, at a host.
func imapsURL(user, host string) string {
	return "imaps://" + strings.ReplaceAll(url.QueryEscape(user), "+", "%20") + "@" + host
}

// grants are kept in the state directory.
func (p *program) grants() (*oauth.Store, error) {
	state, err := p.stateDir()
	return oauth.NewStore(filepath.Join(state, "oauth")), err
}

// consent is what to ask for: as the flags say, or as before.
func (c *authCommand) consent(ctx context.Context, p *program, store *oauth.Store, a *account, provider string) (*oauth.Consent, error) {
	consent := &oauth.Consent{User: a.opts.User, Host: a.opts.Host, Port: c.Port, ClientID: c.ClientID}
	before, _ := store.Get(a.opts.User, a.opts.Host) // what cannot be read is asked for anew
	again := before != nil && (c.Provider == "" || c.Provider == before.Provider.Name)
	switch {
	case again && c.Provider == "" && c.AuthURL+c.DeviceURL+c.TokenURL == "":
		consent.Provider = before.Provider
	case provider == "google":
		consent.Provider = oauth.Google()
	case provider == "microsoft":
		consent.Provider = oauth.Microsoft(c.Tenant)
	default:
		consent.Provider = oauth.Provider{Name: "other", AuthURL: c.AuthURL, DeviceURL: c.DeviceURL, TokenURL: c.TokenURL}
	}
	if len(c.Scope) > 0 {
		consent.Provider.Scopes = c.Scope
	}
	if err := consent.Provider.Validate(); err != nil {
		return nil, &usageError{text: err.Error(), hint: "say --provider google or microsoft, or name the URLs of another; see mailstrata auth --help"}
	}
	if consent.ClientID == "" && again {
		consent.ClientID, consent.ClientSecret = before.ClientID, before.ClientSecret
	}
	if consent.ClientID == "" {
		return nil, &usageError{text: "no client is named", hint: "register one at the provider (docs/oauth.md tells how) and name it by --client-id"}
	}
	secret := secret{name: "secret of the client", variable: "MAILSTRATA_OAUTH_CLIENT_SECRET", file: c.ClientSecretFile}
	if p.given(secret) {
		value, err := p.read(ctx, secret)
		consent.ClientSecret = string(value)
		return consent, err
	}
	return consent, nil
}

// ask goes the way that the provider has.
func (c *authCommand) ask(ctx context.Context, p *program, consent *oauth.Consent) (*oauth.Grant, error) {
	if c.Device || !c.Browser && consent.Provider.Name != "google" {
		grant, err := consent.Device(ctx, func(page, code string) {
			p.say("On any device, open " + safe(page))
			p.say("and enter the code " + safe(code))
		})
		if c.Device || !errors.Is(err, oauth.ErrNoDevice) || consent.Provider.AuthURL == "" {
			return grant, err
		}
		p.note("note: %s", oneLine(err.Error()))
	}
	return consent.Browser(ctx, func(page string) {
		p.say("Open this page in a browser on this host, and consent as " + safe(consent.User) + ":")
		p.say(safe(page))
	})
}

// try logs in with the token. A server that cannot be reached now does not make the consent worthless.
func (c *authCommand) try(ctx context.Context, p *program, a *account, grant *oauth.Grant) (tried bool, err error) {
	if err := p.reach(a, &imapFlags{Connections: 1, CAFile: c.CAFile}); err != nil {
		return false, err
	}
	a.opts.Token = func(context.Context) (string, error) { return grant.AccessToken, nil }
	client, err := imap.Dial(ctx, &a.opts)
	switch {
	case err == nil:
		return true, client.Close()
	case errors.Is(err, imap.ErrLogin):
		return false, &hintedError{
			text: oneLine(err.Error()) + "; nothing was kept",
			hint: "consent as " + a.opts.User + ", not with another account; and IMAP must be allowed for it",
			err:  err,
		}
	case ctx.Err() != nil:
		return false, err
	}
	p.warn("the token could not be tried: %s", oneLine(err.Error()))
	return false, nil
}

func (c *authCommand) tell(p *program, a *account, grant *oauth.Grant, tried bool) error {
	if p.flags.JSON {
		return p.printJSON(struct {
			Account  string   `json:"account"`
			URL      string   `json:"url"`
			Provider string   `json:"provider"`
			Scopes   []string `json:"scopes"`
			Tried    bool     `json:"tried"`
		}{a.name, a.url, grant.Provider.Name, append([]string{}, grant.Provider.Scopes...), tried})
	}
	if tried {
		p.printf("%s lets %s in", safe(a.opts.Host), safe(a.opts.User))
	}
	p.printf("mailstrata backup --imap %s needs no password now", safe(a.url))
	return nil
}

// granted gives the tokens of an account that has consented; nil: it has not.
func (p *program) granted(a *account) (func(context.Context) (string, error), error) {
	store, err := p.grants()
	if err != nil || !store.Has(a.opts.User, a.opts.Host) {
		return nil, err
	}
	source := oauth.NewSource(store, a.opts.User, a.opts.Host, nil)
	return func(ctx context.Context) (string, error) {
		token, err := source.Token(ctx)
		switch {
		case errors.Is(err, oauth.ErrConsent):
			return "", &hintedError{text: err.Error(), hint: "mailstrata auth " + safe(a.url) + " asks for the consent again", err: err}
		case errors.Is(err, oauth.ErrUnavailable):
			return "", fmt.Errorf("%w (%w)", err, archive.ErrTemporary)
		}
		return token, err
	}, nil
}
