package dav

import (
	"cmp"
	"fmt"
	"net"
	"net/url"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// SameSite reports whether two hosts belong to one owner, as far as names say: they are the same,
// or below one registered domain, such as caldav.icloud.com and p42-caldav.icloud.com. The public
// suffix list says where domains are registered, so two customers of a host of web pages are not
// one owner.
func SameSite(a, b string) bool {
	a, b = strings.ToLower(strings.TrimSuffix(a, ".")), strings.ToLower(strings.TrimSuffix(b, "."))
	if a == b {
		return a != ""
	}
	if net.ParseIP(a) != nil || net.ParseIP(b) != nil {
		return false
	}
	one, errOne := publicsuffix.EffectiveTLDPlusOne(a)
	other, errOther := publicsuffix.EffectiveTLDPlusOne(b)
	return errOne == nil && errOther == nil && one == other
}

// sameOrigin reports whether two URLs have the same scheme, host and port.
func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

func port(u *url.URL) string {
	return cmp.Or(u.Port(), map[string]string{"https": "443", "http": "80"}[u.Scheme])
}

// checkHost refuses a URL of another site, which is not to get the password. iCloud leads from one
// host to another of its own. Such a host gets the password by TLS alone, and because the host that
// the user named, and that has the password, leads there.
func (c *Client) checkHost(u *url.URL) error {
	if sameOrigin(u, c.base) || u.Scheme == "https" && c.base.Scheme == "https" && port(u) == port(c.base) &&
		SameSite(u.Hostname(), c.base.Hostname()) {
		return nil
	}
	return fmt.Errorf("the server names another host, %s://%s, which gets no password: if you trust it, use its URL", u.Scheme, u.Host)
}

// locate notes on which host the collections are. All must be on one.
func (c *Client) locate(at *url.URL) error {
	if c.located && !sameOrigin(c.origin, at) {
		return fmt.Errorf("%w: collections of one user on the hosts %s and %s", ErrProtocol, c.origin.Host, at.Host)
	}
	c.origin, c.located = at, true
	return nil
}
