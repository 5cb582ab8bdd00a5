package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/mailstrata/mailstrata/imap"

	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/config"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/keyring"
	"github.com/mailstrata/mailstrata/internal/secret"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// credential is something that auth obtains: the consent or the password of an account, the passphrase of a repository,
// or another secret.
type credential struct {
	account  *access.Account  // may be nil
	provider string           // who issues tokens, if known
	location *access.Location // may be nil

	secret  secret.Source // the secret for the keyring
	keyring string        // its entry; "": the owner of the account is asked for a consent
}

func (a *credential) forget(ctx context.Context, p *program) error {
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

func (a *credential) obtain(ctx context.Context, p *program, c *authCommand) error {
	if a.keyring != "" {
		return a.keep(ctx, p, c)
	}
	return c.consentTo(ctx, p, a)
}

// credentials returns those that the arguments name, or else all that are missing.
func (c *authCommand) credentials(ctx context.Context, p *program) (credentials []*credential, err error) {
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

// named returns the credentials of a name: of an account of the configuration, of a repository, or both; or else of any
// account.
func (c *authCommand) named(p *program, name string) (credentials []*credential, err error) {
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
			return nil, &hint.Usage{Text: "the passphrase of " + ui.Quote(name) + " is not kept in the keyring", Hint: "set it in the configuration: secret_keyring = " + ui.Quote(name)}
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

func (c *authCommand) accountCredential(a *access.Account) *credential {
	if entry := a.Configured.Secret.Keyring; entry != "" && c.Provider == "" {
		return &credential{account: a, keyring: entry, secret: secret.Source{Name: "password of " + a.Name, Variable: "MAILSTRATA_IMAP_PASSWORD"}}
	}
	return &credential{account: a, provider: cmp.Or(c.Provider, a.Configured.Provider, access.ProviderOf(a))}
}

func repositoryCredential(p *program, r *config.Repository) (*credential, error) {
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

// missingCredentials returns the credentials of the configuration that lack a consent, or an entry in the keyring.
func missingCredentials(ctx context.Context, p *program) (credentials []*credential, err error) {
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

// configuredCredentials returns all credentials of the configuration that need a consent, or an entry in the keyring.
func configuredCredentials(p *program, c *config.Config) (all []*credential, err error) {
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
		if c.Accounts[i].Secret.Keyring == "" && c.Accounts[i].Provider == "" {
			continue
		}
		a, err := access.AccountOf(&c.Accounts[i])
		if err != nil {
			return nil, err
		}
		all = append(all, new(authCommand).accountCredential(a))
	}
	for command, w := range c.Watch {
		if w.Ping.Keyring != "" {
			all = append(all, &credential{keyring: w.Ping.Keyring, secret: secret.Source{Name: "URL to ping after " + command}})
		}
	}
	return all, nil
}

// keep asks for a secret, tests it, and stores it in the keyring.
func (a *credential) keep(ctx context.Context, p *program, c *authCommand) error {
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
