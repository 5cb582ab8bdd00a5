package access

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/mailstrata/mailstrata/internal/config"
	"github.com/mailstrata/mailstrata/internal/oauth"
	"github.com/mailstrata/mailstrata/internal/secret"
	"github.com/mailstrata/mailstrata/mail"
)

// applicationTokens returns the source of an account's tokens if an application gets them, or nil.
// The accounts of a provider share the application, and so its tokens.
func (h *Host) applicationTokens(ctx context.Context, a *Account) (func(context.Context) (string, error), error) {
	c, err := h.Config()
	if err != nil || a.Configured.Provider == "" {
		return nil, err
	}
	p := c.Provider(a.Configured.Provider)
	if p == nil || !p.Application {
		return nil, nil
	}
	application, err := h.application(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("the provider %s: %w", p.Name, err)
	}
	user := a.Options.User
	return func(ctx context.Context) (string, error) {
		token, err := application.Token(ctx, user)
		if errors.Is(err, oauth.ErrUnavailable) {
			return "", fmt.Errorf("%w (%w)", err, mail.ErrTemporary)
		}
		return token, err
	}, nil
}

// application returns the application of a provider.
func (h *Host) application(ctx context.Context, p *config.Provider) (*oauth.Application, error) {
	h.applicationsMu.Lock()
	defer h.applicationsMu.Unlock()
	if made := h.applications[p.Name]; made != nil {
		return made, nil
	}
	made, err := h.newApplication(ctx, p)
	if err == nil {
		if h.applications == nil {
			h.applications = map[string]*oauth.Application{}
		}
		h.applications[p.Name] = made
	}
	return made, err
}

func (h *Host) newApplication(ctx context.Context, p *config.Provider) (*oauth.Application, error) {
	if p.ServiceAccount != "" {
		key, err := os.ReadFile(p.ServiceAccount)
		if err != nil {
			return nil, err
		}
		return oauth.NewServiceAccount(key, p.OAuth().Scopes, nil)
	}
	value, err := h.Secrets.Read(ctx, secret.Source{Name: "secret of the client " + p.Name}.Or(p.Secret))
	if err != nil {
		return nil, err
	}
	return oauth.NewClientCredentials(p.OAuth(), p.ClientID, string(value), nil)
}
