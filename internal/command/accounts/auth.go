package accounts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/config"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/keyring"
	"github.com/mailstrata/mailstrata/internal/secret"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// Auth obtains the consent of the owner of an account, or a secret for the keyring.
type Auth struct {
	Account []string `arg:"" optional:"" help:"Accounts or repositories of the configuration, mail addresses at Google or Microsoft, or URLs of accounts: imaps://user@host[:port]. Default: all of the configuration that lack a consent, or a secret in the keyring."`

	Provider         string   `group:"provider" placeholder:"NAME" help:"Who issues tokens: google, microsoft, one of the configuration, or other, with --auth-url, --device-url and --token-url. Default: as before for this account, or by the configuration or the address."`
	ClientID         string   `group:"provider" name:"client-id" placeholder:"ID" var:"MAILSTRATA_OAUTH_CLIENT_ID" help:"The client (application) that you registered at the provider; see docs/oauth.md."`
	ClientSecretFile string   `group:"provider" placeholder:"FILE" type:"path" help:"File that holds the secret of the client, if it has one. (MAILSTRATA_OAUTH_CLIENT_SECRET holds the secret itself.)"`
	Tenant           string   `group:"provider" default:"common" help:"Microsoft: the tenant of an application that is for one tenant only."`
	Scope            []string `group:"provider" sep:"none" placeholder:"SCOPE" help:"Request this scope instead of the default (repeatable)."`
	AuthURL          string   `group:"provider" name:"auth-url" placeholder:"URL" help:"The provider's page for browsers."`
	DeviceURL        string   `group:"provider" name:"device-url" placeholder:"URL" help:"Where the provider issues device codes."`
	TokenURL         string   `group:"provider" name:"token-url" placeholder:"URL" help:"Where the provider issues tokens."`

	Browser bool `xor:"way" help:"Consent in a browser on this host. Google has no other way."`
	Device  bool `xor:"way" help:"Consent on any device, with a code. This is the default if the provider has it."`
	Port    int  `placeholder:"N" help:"The loopback port to which the browser returns. Default: any free port."`
	Keyring bool `help:"Seal the tokens to a key in the keyring. Then backups run only while the keyring is unlocked."`
	Forget  bool `help:"Delete what is kept of the account or the repository, in files and in the keyring. (Revoke the consent at the provider, too.)"`
}

func (*Auth) Help() string {
	return `Asks the owner of an account for consent, once, and keeps the refresh token in a file in the state directory that only this user can read. From then on, every command that names the account logs in with a token. A password or token that a flag names overrides it; a variable does not.

For an account or a repository whose secret the configuration keeps in the keyring (secret_keyring), it asks for the password or the passphrase, tests it, and stores it there. The keyring is that of the desktop (Secret Service: GNOME Keyring, KWallet, KeePassXC), of macOS or of Windows.

On a host without a browser, you enter a code on any other device. If the provider has no such way (Google has none for mail), run mailstrata auth --port 8765 there, and ssh -L 8765:127.0.0.1:8765 HOST here.

mailstrata tests the token or the password on the mail server before it keeps it.

EXAMPLES

    mailstrata auth anna@gmail.com --client-id ID --client-secret-file secret
    mailstrata auth anna@contoso.example --provider microsoft --client-id ID
    mailstrata auth imaps://anna@mail.example --provider other \
        --device-url https://id.example/device \
        --token-url https://id.example/token \
        --client-id ID --scope mail --scope offline_access

To renew a consent, to ask for all that the configuration lacks, and to delete what is kept:

    mailstrata auth anna@gmail.com
    mailstrata auth
    mailstrata auth home --forget

EXIT STATUS

0 done; 1 failed, or refused; 2 invalid command line; 130 interrupted.`
}

func (c *Auth) Run(ctx context.Context, p *cli.Program) error {
	if c.Forget && len(c.Account) == 0 {
		return &hint.Usage{Text: "name the account or repository to forget", Hint: "mailstrata auth NAME --forget"}
	}
	credentials, err := c.credentials(ctx, p)
	if err != nil {
		return err
	}
	if len(credentials) == 0 {
		p.Note("all consents and secrets of the configuration are present")
	}
	for _, a := range credentials {
		if c.Forget {
			err = errors.Join(err, a.forget(ctx, p))
		} else {
			err = errors.Join(err, a.obtain(ctx, p, c))
		}
		if ctx.Err() != nil {
			return err
		}
	}
	return err
}

// account returns an account that is not in the configuration, and its provider if the name shows
// it.
func (c *Auth) account(p *cli.Program, name string) (*access.Account, string, error) {
	if strings.Contains(name, "://") {
		a, err := access.ParseAccount(name)
		if err != nil {
			return nil, "", err
		}
		return a, cmp.Or(c.Provider, access.ProviderOf(a)), nil
	}
	if strings.LastIndexByte(name, '@') < 1 {
		return nil, "", unknownName(p, name)
	}
	provider := cmp.Or(c.Provider, access.DomainProvider(name))
	configured, err := p.Config()
	if err != nil {
		return nil, "", err
	}
	host := access.ProviderHosts[provider]
	if own := configured.Provider(provider); own != nil {
		host = access.ProviderHosts[own.Kind]
	}
	if near := ui.Nearest(name, configured.Names()); host == "" && near != "" {
		return nil, "", unknownName(p, name)
	}
	if host == "" {
		return nil, "", &hint.Usage{
			Text: "the mail server of " + ui.Quote(name) + " is not known",
			Hint: "use --provider google or --provider microsoft, or the URL of the account: imaps://user@host",
		}
	}
	a, err := access.ParseAccount(access.AccountURL(name, host))
	return a, provider, err
}

// unknownName returns an error for an unknown name, with the nearest name as a hint.
func unknownName(p *cli.Program, name string) error {
	return &hint.Usage{
		Text: ui.Quote(name) + " is not a mail address, the URL of an account, or a name in the configuration",
		Hint: cmp.Or(ui.DidYouMean(name, p.Names()), "mailstrata auth anna@gmail.com, or imaps://user@host"),
	}
}

// credential is something that auth obtains: the consent or the password of an account, the
// passphrase of a repository, or another secret.
type credential struct {
	account  *access.Account  // may be nil
	provider string           // who issues tokens, if known
	location *access.Location // may be nil

	secret  secret.Source // the secret for the keyring
	keyring string        // its entry; "": the owner of the account is asked for a consent
}

func (a *credential) forget(ctx context.Context, p *cli.Program) error {
	var err error
	if a.keyring != "" {
		err = keyring.Delete(ctx, a.keyring)
	}
	if a.account == nil {
		return err
	}
	store, failed := p.TokenStore()
	if failed != nil {
		return errors.Join(err, failed)
	}
	return errors.Join(err, store.Delete(ctx, a.account.Options.User, a.account.Options.Host))
}

func (a *credential) obtain(ctx context.Context, p *cli.Program, c *Auth) error {
	if a.keyring != "" {
		return a.keep(ctx, p, c)
	}
	return c.consentTo(ctx, p, a)
}

// credentials returns those that the arguments name, or else all that are missing.
func (c *Auth) credentials(ctx context.Context, p *cli.Program) (credentials []*credential, err error) {
	if len(c.Account) == 0 {
		return missingCredentials(ctx, p)
	}
	for _, name := range c.Account {
		named, err := c.named(p, name)
		if err != nil {
			return nil, err
		}
		credentials = append(credentials, named...)
	}
	return credentials, nil
}

// named returns the credentials of a name: of an account of the configuration, of a repository, or
// both; or else of any account.
func (c *Auth) named(p *cli.Program, name string) (credentials []*credential, err error) {
	configured, err := p.Config()
	if err != nil {
		return nil, err
	}
	a, err := p.ConfiguredAccount(name)
	if err != nil {
		return nil, err
	}
	if a != nil {
		credentials = append(credentials, c.accountCredential(a))
	}
	if r := configured.Repository(name); r != nil && name != "" {
		if r.Secret.Keyring == "" && a == nil {
			return nil, &hint.Usage{
				Text: "the passphrase of " + ui.Quote(name) + " is not kept in the keyring",
				Hint: "set it in the configuration: secret_keyring = " + ui.Quote(name),
			}
		}
		if r.Secret.Keyring != "" {
			repository, err := repositoryCredential(p, r)
			if err != nil {
				return nil, err
			}
			credentials = append(credentials, repository)
		}
	}
	if len(credentials) > 0 {
		return credentials, nil
	}
	a, provider, err := c.account(p, name)
	if err != nil {
		return nil, err
	}
	return []*credential{{account: a, provider: provider}}, nil
}

func (c *Auth) accountCredential(a *access.Account) *credential {
	if entry := a.Configured.Secret.Keyring; entry != "" && c.Provider == "" {
		return &credential{
			account: a, keyring: entry,
			secret: secret.Source{Name: "password of " + a.Name, Variable: "MAILSTRATA_IMAP_PASSWORD"},
		}
	}
	return &credential{account: a, provider: cmp.Or(c.Provider, a.Configured.Provider, access.ProviderOf(a))}
}

func repositoryCredential(p *cli.Program, r *config.Repository) (*credential, error) {
	l, err := p.ConfiguredLocation(r)
	if err != nil {
		return nil, err
	}
	s := l.Keys().Passphrase
	s.Keyring = ""
	if r.Name != "" {
		s.Name += " " + r.Name
	}
	return &credential{location: l, keyring: r.Secret.Keyring, secret: s}, nil
}

// missingCredentials returns the credentials of the configuration that lack a consent, or an entry
// in the keyring.
func missingCredentials(ctx context.Context, p *cli.Program) (credentials []*credential, err error) {
	c, err := p.Config()
	if err != nil {
		return nil, err
	}
	all, err := configuredCredentials(p, c)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, &hint.Usage{Text: "no account is named, and none in the configuration uses OAuth or the keyring", Hint: "mailstrata auth anna@gmail.com, or imaps://user@host; or see docs/config.md"}
	}
	store, err := p.TokenStore()
	if err != nil {
		return nil, err
	}
	seen := make(map[string]bool)
	for _, a := range all {
		if a.keyring == "" {
			if !store.Has(a.account.Options.User, a.account.Options.Host) {
				credentials = append(credentials, a)
			}
			continue
		}
		if seen[a.keyring] {
			continue
		}
		seen[a.keyring] = true
		_, err := keyring.Get(ctx, a.keyring)
		if errors.Is(err, keyring.ErrNotFound) {
			credentials = append(credentials, a)
		} else if err != nil {
			return nil, err
		}
	}
	return credentials, nil
}

// configuredCredentials returns all credentials of the configuration that need a consent, or an
// entry in the keyring.
func configuredCredentials(p *cli.Program, c *config.Config) (all []*credential, err error) {
	for i := range c.Repositories {
		if c.Repositories[i].Secret.Keyring == "" {
			continue
		}
		a, err := repositoryCredential(p, &c.Repositories[i])
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	for i := range c.Accounts {
		if c.Accounts[i].Secret.Keyring == "" && !needsConsent(c, &c.Accounts[i]) {
			continue
		}
		a, err := access.AccountOf(&c.Accounts[i])
		if err != nil {
			return nil, err
		}
		all = append(all, new(Auth).accountCredential(a))
	}
	for command, w := range c.Watch {
		if w.Ping.Keyring != "" {
			all = append(all, &credential{
				keyring: w.Ping.Keyring, secret: secret.Source{Name: "URL to ping after " + command},
			})
		}
	}
	return all, nil
}

// needsConsent reports whether the owner of an account consents at a provider.
func needsConsent(c *config.Config, a *config.Account) bool {
	p := c.Provider(a.Provider)
	return p != nil && !p.Application
}

// keep asks for a secret, tests it, and stores it in the keyring.
func (a *credential) keep(ctx context.Context, p *cli.Program, c *Auth) error {
	value, err := p.Secrets.Read(ctx, a.secret)
	if err != nil {
		return err
	}
	s := authSummary{Kept: "keyring"}
	switch {
	case a.account != nil:
		s.Account, s.URL = a.account.Name, a.account.URL
		s.Tried, err = c.try(ctx, p, a.account, hint.For(imap.ErrLogin), func(o *imap.Options) { o.Password = string(value) })
	case a.location != nil:
		s.Repository = a.location.String()
		s.Tried, err = a.location.TryPassphrase(ctx, value)
	}
	if err != nil {
		return err
	}
	if err := keyring.Set(ctx, a.keyring, string(value)); err != nil {
		return fmt.Errorf("store the %s: %w", a.secret.Name, err)
	}
	return printCredential(p, s, a.account)
}
