package access

import (
	"net/url"
	"strings"
)

// mailHost is what is known of a provider's mail.
type mailHost struct{ Provider, host string }

// KnownHosts are the domains whose mail is at one of the providers; of others one cannot tell by the name.
var KnownHosts = map[string]mailHost{
	"gmail.com":      {"google", "imap.gmail.com"},
	"googlemail.com": {"google", "imap.gmail.com"},
	"outlook.com":    {"microsoft", "outlook.office365.com"},
	"hotmail.com":    {"microsoft", "outlook.office365.com"},
	"live.com":       {"microsoft", "outlook.office365.com"},
	"msn.com":        {"microsoft", "outlook.office365.com"},
}

// ProviderHosts are where the providers keep mail.
var ProviderHosts = map[string]string{"google": "imap.gmail.com", "microsoft": "outlook.office365.com"}

// ProviderOf goes by the account's server; "": it is neither's.
func ProviderOf(a *Account) string {
	for provider, host := range ProviderHosts {
		if strings.EqualFold(a.Options.Host, host) {
			return provider
		}
	}
	return ""
}

// AccountURL is the URL of the account of a user, whose name is mostly an address, at a host.
func AccountURL(user, host string) string {
	return "imaps://" + strings.ReplaceAll(url.QueryEscape(user), "+", "%20") + "@" + host
}
