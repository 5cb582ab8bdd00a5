package setup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/config"
	"github.com/mailstrata/mailstrata/internal/oauth"
	"github.com/mailstrata/mailstrata/internal/probe"
	"github.com/mailstrata/mailstrata/internal/provider"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// askConsent asks the owner of the account for a consent, and logs in with the token.
func (d *dialog) askConsent(
	ctx context.Context, a *account, user string, server *probe.Server, p *provider.Provider,
) error {
	if p.Help != "" && p.Password == provider.None {
		d.Paragraph(p.Help)
	}
	own, secret, err := d.askClient(ctx, p)
	if err != nil {
		return err
	}
	for {
		a.url = accountURL(user, server)
		grant, err := d.tryConsent(ctx, a, &oauth.Consent{
			Provider: own.OAuth(), User: user, Host: server.Host, ClientID: own.ClientID, ClientSecret: secret,
		})
		if err == nil {
			a.provider, a.client, a.grant = own, secret, grant
			if right, err := d.askEmpty(ctx, a); err != nil || right {
				return err
			}
			if user, err = d.ask(ctx, "User name", user); err != nil {
				return err
			}
			continue
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		d.Paragraph(sentence(err))
		if again, err := d.confirm(ctx, "Try again?"); err != nil || !again {
			return cmp.Or(err, errors.New("without a consent the account cannot be read; nothing was set up"))
		}
		if errors.Is(err, imap.ErrLogin) {
			if user, err = d.ask(ctx, "User name", user); err != nil {
				return err
			}
		}
	}
}

// tryConsent asks for a consent, and logs in with the token.
func (d *dialog) tryConsent(ctx context.Context, a *account, consent *oauth.Consent) (*oauth.Grant, error) {
	grant, err := d.AskConsent(ctx, consent, access.AnyWay)
	if err != nil {
		return nil, err
	}
	return grant, d.tryLogin(ctx, a, func(o *imap.Options) {
		o.Token = func(context.Context) (string, error) { return grant.AccessToken, nil }
	})
}

// askClient asks for the client at the provider of tokens, unless the configuration has one.
func (d *dialog) askClient(ctx context.Context, p *provider.Provider) (own *config.Provider, secret string, err error) {
	kind := cmp.Or(p.OAuth.Kind, "other")
	c, err := d.Config()
	if err != nil {
		return nil, "", err
	}
	if i := slices.IndexFunc(c.Providers, func(own config.Provider) bool { return own.Kind == kind && kind != "other" }); i >= 0 {
		secret, err := d.ClientSecret(ctx, &c.Providers[i])
		return &c.Providers[i], secret, err
	}
	d.Paragraph("For tokens you need a client: you register mailstrata once at the provider, which takes some minutes. " +
		"https://github.com/mailstrata/mailstrata/blob/main/docs/oauth.md says how. Stop here with Ctrl-C if you have none yet.")
	own = &config.Provider{Name: kind, Kind: kind}
	if kind == "other" {
		if err := d.askIssuer(ctx, own, p); err != nil {
			return nil, "", err
		}
	}
	if own.ClientID, err = d.ask(ctx, "Client ID", ""); err != nil {
		return nil, "", err
	}
	if kind == "microsoft" {
		if own.Tenant, err = d.ask(ctx, "Tenant", "common"); err != nil {
			return nil, "", err
		}
		if own.Tenant == "common" {
			own.Tenant = ""
		}
		return own, "", nil
	}
	has := true
	if kind == "other" {
		if has, err = d.doubt(ctx, "Does the client have a secret?"); err != nil {
			return nil, "", err
		}
	}
	if has {
		secret, err = d.secret(ctx, "secret of the client")
	}
	return own, secret, err
}

// askIssuer asks for the provider's URLs, unless the domain of the account publishes them.
func (d *dialog) askIssuer(ctx context.Context, own *config.Provider, p *provider.Provider) error {
	c, err := d.Config()
	if err != nil {
		return err
	}
	own.Name = free("tokens", func(name string) bool { return c.Provider(name) != nil })
	scopes := strings.Join(p.OAuth.Scopes, " ")
	if p.OAuth.TokenURL != "" {
		own.AuthURL, own.TokenURL = p.OAuth.AuthURL, p.OAuth.TokenURL
	}
	for own.TokenURL == "" {
		issuer, err := d.ask(ctx, "URL of the provider of tokens (issuer)", "")
		if err != nil {
			return err
		}
		found, err := oauth.Discover(ctx, issuer, nil)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			d.failed(err)
			continue
		}
		own.AuthURL, own.DeviceURL, own.TokenURL = found.AuthURL, found.DeviceURL, found.TokenURL
		d.Paragraph("Tokens come from " + ui.Safe(own.TokenURL) + ".")
	}
	if scopes, err = d.ask(ctx, "Scopes", cmp.Or(scopes, "offline_access")); err != nil {
		return err
	}
	own.Scopes = strings.Fields(scopes)
	return nil
}

// free returns the name, or else name-2, name-3 and so on: the first that is not taken.
func free(name string, taken func(string) bool) string {
	next := name
	for n := 2; taken(next); n++ {
		next = fmt.Sprintf("%s-%d", name, n)
	}
	return next
}
