package access

import (
	"net/url"
	"strings"
)

// DomainProvider returns the provider of a mail address by its domain, or "".
func DomainProvider(address string) string {
	switch strings.ToLower(address[strings.LastIndexByte(address, '@')+1:]) {
	case "gmail.com", "googlemail.com":
		return "google"
	case "outlook.com", "hotmail.com", "live.com", "msn.com":
		return "microsoft"
	}
	return ""
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
