package access

import (
	"net/url"
	"strings"
)

// mailHost is a provider and its IMAP server.
type mailHost struct{ Provider, host string }

// KnownHosts maps domains to the provider of their mail.
var KnownHosts = map[string]mailHost{
	"gmail.com":      {"google", "imap.gmail.com"},
	"googlemail.com": {"google", "imap.gmail.com"},
	"outlook.com":    {"microsoft", "outlook.office365.com"},
	"hotmail.com":    {"microsoft", "outlook.office365.com"},
	"live.com":       {"microsoft", "outlook.office365.com"},
	"msn.com":        {"microsoft", "outlook.office365.com"},
}

// ProviderHosts maps providers to their IMAP servers.
var ProviderHosts = map[string]string{"google": "imap.gmail.com", "microsoft": "outlook.office365.com"}

// ProviderOf returns the provider of the account's server, or "".
func ProviderOf(a *Account) string {
	for provider, host := range ProviderHosts {
		if strings.EqualFold(a.Options.Host, host) {
			return provider
		}
	}
	return ""
}

// AccountURL returns the URL of a user's account at a host.
func AccountURL(user, host string) string {
	return "imaps://" + strings.ReplaceAll(url.QueryEscape(user), "+", "%20") + "@" + host
}
