package main

import (
	"cmp"
	"net/url"
	"strings"
)

// known is what is known of a provider's mail.
type known struct{ provider, host string }

// knownHosts are the domains whose mail is at one of the providers; of others one cannot tell by the name.
var knownHosts = map[string]known{
	"gmail.com":      {"google", "imap.gmail.com"},
	"googlemail.com": {"google", "imap.gmail.com"},
	"outlook.com":    {"microsoft", "outlook.office365.com"},
	"hotmail.com":    {"microsoft", "outlook.office365.com"},
	"live.com":       {"microsoft", "outlook.office365.com"},
	"msn.com":        {"microsoft", "outlook.office365.com"},
}

// providerHosts are where the providers keep mail.
var providerHosts = map[string]string{"google": "imap.gmail.com", "microsoft": "outlook.office365.com"}

// account is one that the configuration does not have, and its provider as far as the name tells.
func (c *authCommand) account(p *program, name string) (*account, string, error) {
	if strings.Contains(name, "://") {
		a, err := parseAccount(name)
		if err != nil {
			return nil, "", err
		}
		return a, cmp.Or(c.Provider, providerAt(a)), nil
	}
	at := strings.LastIndexByte(name, '@')
	if at < 1 {
		return nil, "", p.neither(name)
	}
	provider := cmp.Or(c.Provider, knownHosts[strings.ToLower(name[at+1:])].provider)
	configured, err := p.config()
	if err != nil {
		return nil, "", err
	}
	host := providerHosts[provider]
	if own := configured.Provider(provider); own != nil {
		host = providerHosts[own.Kind]
	}
	if near := nearest(name, configured.Names()); host == "" && near != "" {
		return nil, "", p.neither(name)
	}
	if host == "" {
		return nil, "", &usageError{
			text: "of " + quoted(name) + " it is not known where its mail is",
			hint: "say --provider google or --provider microsoft, or give the URL of the account: imaps://user@host",
		}
	}
	a, err := parseAccount(imapsURL(name, host))
	return a, provider, err
}

// neither is said of a word that means nothing, with what it may have meant.
func (p *program) neither(name string) error {
	e := &usageError{text: quoted(name) + " is neither a mail address nor the URL of an account, nor in the configuration", hint: "mailstrata auth anna@gmail.com, or imaps://user@host"}
	if c, err := p.config(); err == nil {
		if near := nearest(name, c.Names()); near != "" {
			e.hint = "did you mean " + quoted(near) + "?"
		}
	}
	return e
}

// providerAt goes by the account's server; "": it is neither's.
func providerAt(a *account) string {
	for provider, host := range providerHosts {
		if strings.EqualFold(a.opts.Host, host) {
			return provider
		}
	}
	return ""
}

// imapsURL is the URL of the account of a user, whose name is mostly an address, at a host.
func imapsURL(user, host string) string {
	return "imaps://" + strings.ReplaceAll(url.QueryEscape(user), "+", "%20") + "@" + host
}
