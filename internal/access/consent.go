package access

import (
	"context"
	"errors"

	"github.com/mailstrata/mailstrata/internal/config"
	"github.com/mailstrata/mailstrata/internal/oauth"
	"github.com/mailstrata/mailstrata/internal/secret"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// ConsentWay is how the owner of an account consents.
type ConsentWay uint8

const (
	AnyWay    ConsentWay = iota // by device code where the provider has it, or else in a browser
	ByDevice                    // on any device, with a code
	ByBrowser                   // in a browser on this host
)

// AskConsent obtains a grant by device code, or in a browser.
func (h *Host) AskConsent(ctx context.Context, consent *oauth.Consent, way ConsentWay) (*oauth.Grant, error) {
	if way == ByDevice || way == AnyWay && consent.Provider.Name != "google" {
		grant, err := consent.Device(ctx, func(page, code string) {
			h.Output.Say("On any device, open " + ui.Safe(page))
			h.Output.Say("and enter the code " + ui.Safe(code))
		})
		if way == ByDevice || !errors.Is(err, oauth.ErrNoDevice) || consent.Provider.AuthURL == "" {
			return grant, err
		}
		if consent.Provider.DeviceURL != "" {
			h.Output.Note("note: %s", ui.OneLine(err.Error()))
		}
	}
	return consent.Browser(ctx, func(page string) {
		h.Output.Say("Open this page in a browser on this host, and consent as " + ui.Safe(consent.User) + ":")
		h.Output.Say(ui.Safe(page))
	})
}

// ClientSecret returns the secret of the client at a provider of the configuration, or "" if it has
// none.
func (h *Host) ClientSecret(ctx context.Context, p *config.Provider) (string, error) {
	if p.Secret.IsZero() {
		return "", nil
	}
	value, err := h.Secrets.Read(ctx, secret.Source{Name: "secret of the client"}.Or(p.Secret))
	return string(value), err
}
