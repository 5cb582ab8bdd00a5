package access

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/oauth"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/mail"
)

// TokenStore returns the store of OAuth tokens, in the state directory.
func (h *Host) TokenStore() (*oauth.Store, error) {
	state, err := h.StateDir()
	return oauth.NewStore(filepath.Join(state, "oauth")), err
}

// tokenSource returns the source of an account's tokens, or nil if its owner has not given consent.
func (h *Host) tokenSource(a *Account) (func(context.Context) (string, error), error) {
	store, err := h.TokenStore()
	if err != nil || !store.Has(a.Options.User, a.Options.Host) {
		return nil, err
	}
	source := oauth.NewSource(store, a.Options.User, a.Options.Host, nil)
	return func(ctx context.Context) (string, error) {
		token, err := source.Token(ctx)
		switch {
		case errors.Is(err, oauth.ErrConsent):
			return "", &hint.Error{
				Text: err.Error(),
				Hint: "mailstrata auth " + ui.Safe(cmp.Or(a.Configured.Name, a.URL)) + " asks for consent again",
				Err:  err,
			}
		case errors.Is(err, oauth.ErrUnavailable):
			return "", fmt.Errorf("%w (%w)", err, mail.ErrTemporary)
		}
		return token, err
	}, nil
}
