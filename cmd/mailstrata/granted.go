package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/mailstrata/mailstrata/internal/oauth"
	"github.com/mailstrata/mailstrata/mail"
)

// grants are kept in the state directory.
func (p *program) grants() (*oauth.Store, error) {
	state, err := p.stateDir()
	return oauth.NewStore(filepath.Join(state, "oauth")), err
}

// secretOf tells where the secret of an account comes from; "": nothing is said, and it is asked for.
func (p *program) secretOf(a *account) string {
	if entry := a.configured.Secret.Keyring; entry != "" {
		return "the keyring has it, as " + entry
	}
	if !a.configured.Secret.IsZero() {
		return a.configured.Secret.String()
	}
	if a.configured.Token != "" {
		return "token command"
	}
	store, err := p.grants()
	switch {
	case err != nil || !store.Has(a.opts.User, a.opts.Host):
		return ""
	case store.Sealed(a.opts.User, a.opts.Host):
		return "tokens, sealed to a key in the keyring"
	}
	return "tokens, in a file"
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
			return "", &hintedError{text: err.Error(), hint: "mailstrata auth " + safe(cmp.Or(a.configured.Name, a.url)) + " asks for the consent again", err: err}
		case errors.Is(err, oauth.ErrUnavailable):
			return "", fmt.Errorf("%w (%w)", err, mail.ErrTemporary)
		}
		return token, err
	}, nil
}
