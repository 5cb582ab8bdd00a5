package main

import (
	"cmp"
	"strings"

	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// account returns an account that is not in the configuration, and its provider if the name shows it.
func (c *authCommand) account(p *program, name string) (*access.Account, string, error) {
	if strings.Contains(name, "://") {
		a, err := access.ParseAccount(name)
		if err != nil {
			return nil, "", err
		}
		return a, cmp.Or(c.Provider, access.ProviderOf(a)), nil
	}
	at := strings.LastIndexByte(name, '@')
	if at < 1 {
		return nil, "", p.unknownName(name)
	}
	provider := cmp.Or(c.Provider, access.KnownHosts[strings.ToLower(name[at+1:])].Provider)
	configured, err := p.Config()
	if err != nil {
		return nil, "", err
	}
	host := access.ProviderHosts[provider]
	if own := configured.Provider(provider); own != nil {
		host = access.ProviderHosts[own.Kind]
	}
	if near := ui.Nearest(name, configured.Names()); host == "" && near != "" {
		return nil, "", p.unknownName(name)
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
func (p *program) unknownName(name string) error {
	e := &hint.Usage{Text: ui.Quote(name) + " is not a mail address, the URL of an account, or a name in the configuration", Hint: "mailstrata auth anna@gmail.com, or imaps://user@host"}
	if near := ui.Nearest(name, p.Names()); near != "" {
		e.Hint = "did you mean " + ui.Quote(near) + "?"
	}
	return e
}
