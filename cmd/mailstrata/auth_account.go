package main

import (
	"cmp"
	"strings"

	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// account is one that the configuration does not have, and its provider as far as the name tells.
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
			Text: "of " + ui.Quote(name) + " it is not known where its mail is",
			Hint: "say --provider google or --provider microsoft, or give the URL of the account: imaps://user@host",
		}
	}
	a, err := access.ParseAccount(access.AccountURL(name, host))
	return a, provider, err
}

// unknownName is said of a word that means nothing, with what it may have meant.
func (p *program) unknownName(name string) error {
	e := &hint.Usage{Text: ui.Quote(name) + " is neither a mail address nor the URL of an account, nor in the configuration", Hint: "mailstrata auth anna@gmail.com, or imaps://user@host"}
	if near := ui.Nearest(name, p.Names()); near != "" {
		e.Hint = "did you mean " + ui.Quote(near) + "?"
	}
	return e
}
