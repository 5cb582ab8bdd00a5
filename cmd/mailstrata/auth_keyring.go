package main

import (
	"context"
	"fmt"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/keyring"
)

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
	return p.printCredential(s, a.account)
}
