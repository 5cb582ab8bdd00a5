package main

import (
	"cmp"
	"context"
	"errors"

	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/config"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/keyring"
	"github.com/mailstrata/mailstrata/internal/secret"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// admission is one thing that mailstrata is let into: an account, by a consent or a password; or a repository. It may also be
// a secret that cannot be tried.
type admission struct {
	account  *access.Account  // nil: it is none
	provider string           // who gives tokens, as far as is known
	place    *access.Location // nil: it is none

	secret  secret.Source // what is to be in the keyring
	keyring string        // its entry; "": the owner of the account is asked for a consent
}

func (a *admission) forget(ctx context.Context, p *program) error {
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

func (a *admission) admit(ctx context.Context, p *program, c *authCommand) error {
	if a.keyring != "" {
		return a.keep(ctx, p, c)
	}
	return c.consented(ctx, p, a)
}

// admissions are those that are named, or else all that are missing.
func (c *authCommand) admissions(ctx context.Context, p *program) (admissions []*admission, err error) {
	if len(c.Account) == 0 {
		return p.missing(ctx)
	}
	for _, name := range c.Account {
		named, err := c.named(p, name)
		if err != nil {
			return nil, err
		}
		admissions = append(admissions, named...)
	}
	return admissions, nil
}

// named is what a word means: an account of the configuration, a repository of it, or both; or else any account.
func (c *authCommand) named(p *program, name string) (admissions []*admission, err error) {
	configured, err := p.Config()
	if err != nil {
		return nil, err
	}
	a, err := p.ConfiguredAccount(name)
	if err != nil {
		return nil, err
	}
	if a != nil {
		admissions = append(admissions, c.ofAccount(p, a))
	}
	if r := configured.Repository(name); r != nil && name != "" {
		if r.Secret.Keyring == "" && a == nil {
			return nil, &hint.Usage{Text: "the passphrase of " + ui.Quote(name) + " is not kept in the keyring", Hint: "say so in the configuration: secret_keyring = " + ui.Quote(name)}
		}
		if r.Secret.Keyring != "" {
			repository, err := p.ofRepository(r)
			if err != nil {
				return nil, err
			}
			admissions = append(admissions, repository)
		}
	}
	if len(admissions) > 0 {
		return admissions, nil
	}
	a, provider, err := c.account(p, name)
	if err != nil {
		return nil, err
	}
	return []*admission{{account: a, provider: provider}}, nil
}

func (c *authCommand) ofAccount(p *program, a *access.Account) *admission {
	if entry := a.Configured.Secret.Keyring; entry != "" && c.Provider == "" {
		return &admission{account: a, keyring: entry, secret: secret.Source{Name: "password of " + a.Name, Variable: "MAILSTRATA_IMAP_PASSWORD"}}
	}
	return &admission{account: a, provider: cmp.Or(c.Provider, a.Configured.Provider, access.ProviderOf(a))}
}

func (p *program) ofRepository(r *config.Repository) (*admission, error) {
	l, err := p.ConfiguredLocation(r)
	if err != nil {
		return nil, err
	}
	s := l.Keys().Passphrase
	s.Keyring = ""
	if r.Name != "" {
		s.Name += " " + r.Name
	}
	return &admission{place: l, keyring: r.Secret.Keyring, secret: s}, nil
}

// missing are all of the configuration that lack a consent, or have nothing in the keyring yet.
func (p *program) missing(ctx context.Context) (admissions []*admission, err error) {
	c, err := p.Config()
	if err != nil {
		return nil, err
	}
	all, err := p.wanted(c)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, &hint.Usage{Text: "no account is named, and none is configured that wants a consent or the keyring", Hint: "mailstrata auth anna@gmail.com, or imaps://user@host; or see docs/config.md"}
	}
	store, err := p.TokenStore()
	if err != nil {
		return nil, err
	}
	seen := make(map[string]bool)
	for _, a := range all {
		if a.keyring == "" {
			if !store.Has(a.account.Options.User, a.account.Options.Host) {
				admissions = append(admissions, a)
			}
			continue
		}
		if seen[a.keyring] {
			continue
		}
		seen[a.keyring] = true
		_, err := keyring.Get(ctx, a.keyring)
		if errors.Is(err, keyring.ErrNotFound) {
			admissions = append(admissions, a)
		} else if err != nil {
			return nil, err
		}
	}
	return admissions, nil
}

// wanted are all of the configuration that want a consent, or something in the keyring.
func (p *program) wanted(c *config.Config) (all []*admission, err error) {
	for i := range c.Repositories {
		if c.Repositories[i].Secret.Keyring == "" {
			continue
		}
		a, err := p.ofRepository(&c.Repositories[i])
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
		all = append(all, new(authCommand).ofAccount(p, a))
	}
	for command, w := range c.Watch {
		if w.Ping.Keyring != "" {
			all = append(all, &admission{keyring: w.Ping.Keyring, secret: secret.Source{Name: "URL to ping after " + command}})
		}
	}
	return all, nil
}
