package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/internal/keyring"
	"github.com/mailstrata/mailstrata/repo"
)

// keep asks for a secret, tries it, and puts it into the keyring.
func (a *admission) keep(ctx context.Context, p *program, c *authCommand) error {
	value, err := p.read(ctx, a.secret)
	if err != nil {
		return err
	}
	s := authSummary{Kept: "keyring"}
	switch {
	case a.account != nil:
		s.Account, s.URL = a.account.name, a.account.url
		s.Tried, err = c.try(ctx, p, a.account, hint(imap.ErrLogin), func(o *imap.Options) { o.Password = string(value) })
	case a.place != nil:
		s.Repository = a.place.String()
		s.Tried, err = p.opens(ctx, a.place, value)
	}
	if err != nil {
		return err
	}
	if err := keyring.Set(ctx, a.keyring, string(value)); err != nil {
		return fmt.Errorf("keep the %s: %w", a.secret.name, err)
	}
	return p.admitted(s, a.account)
}

// opens reports whether a passphrase opens a repository. Where there is none yet, it cannot be tried.
func (p *program) opens(ctx context.Context, l *place, passphrase []byte) (tried bool, err error) {
	options, err := p.repoOptions(l)
	if err != nil {
		return false, err
	}
	store, err := p.store(ctx, l)
	if err == nil {
		var r *repo.Repo
		unlock := repo.Unlock{Passphrase: func() ([]byte, error) { return passphrase, nil }, Sealed: true}
		if r, err = repo.Open(ctx, store, unlock, options); err == nil {
			return true, r.Close()
		}
	}
	switch {
	case errors.Is(err, repo.ErrNoRepository):
		p.warn("it could not be tried: there is no repository at %s yet", safe(l.String()))
		return false, nil
	case errors.Is(err, repo.ErrWrongKey):
		return false, &hintedError{text: "it does not open " + l.String() + "; nothing was kept", hint: "a key file opens it by itself: key_file in the configuration", err: err}
	}
	return false, fmt.Errorf("open repository %s: %w", l, err)
}

// readOrKeep reads a secret. What the keyring lacks is asked for, and put there.
func (p *program) readOrKeep(ctx context.Context, s secret) ([]byte, error) {
	value, err := p.read(ctx, s)
	if !errors.Is(err, keyring.ErrNotFound) {
		return value, err
	}
	entry := s.keyring
	s.keyring = ""
	if value, err = p.read(ctx, s); err != nil {
		return nil, err
	}
	if err := keyring.Set(ctx, entry, string(value)); err != nil {
		return nil, fmt.Errorf("keep the %s: %w", s.name, err)
	}
	return value, nil
}
