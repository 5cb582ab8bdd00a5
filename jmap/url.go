package jmap

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// ErrURLPassword means that a URL holds a password.
var ErrURLPassword = errors.New("the account's URL holds a password; " +
	"leave it out and give it by variable, file or command")

// Prefix begins the URL of an account.
const Prefix = "jmap:"

// wellKnown is the path of the session where the URL of an account has none (RFC 8620 section 2.2).
const wellKnown = "/.well-known/jmap"

// URL is the URL of an account: jmap:https://user@host[:port][/path][#account]. The path is that of
// the session; without one it is found. The account is one of several that the user can read, by
// its name or its id; without one it is the user's own.
type URL struct {
	User    string
	Account string
	session url.URL // without the user
}

// ParseURL parses the URL of an account. The user name is everything before the last '@', as people
// write it, where %XX is a byte. Like imap.ParseURL, it refuses a secret in the URL and does not
// repeat it.
func ParseURL(text string) (URL, error) {
	rest, ok := cutPrefix(text, Prefix)
	rest, account, hasAccount := strings.Cut(rest, "#")
	scheme, rest, hasScheme := strings.Cut(rest, "://")
	scheme = strings.ToLower(scheme)
	if !ok || !hasScheme || scheme != "https" && scheme != "http" {
		return URL{}, errors.New("the URL of a JMAP account looks like jmap:https://user@host")
	}
	place, path, _ := strings.Cut(rest, "/")
	// A user name may have a '/' only as %2F.
	at := strings.LastIndexByte(place, '@')
	if at < 0 {
		return URL{}, errors.New("the account's URL has no user; it looks like jmap:https://user@host")
	}
	if strings.Contains(place[:at], ":") {
		return URL{}, ErrURLPassword
	}
	user, err := url.PathUnescape(place[:at])
	if err != nil {
		return URL{}, errors.New("the user name in the account's URL has a % without two hexadecimal digits: write %25 for a %")
	}
	account, errAccount := url.PathUnescape(account)
	u, err := url.Parse(scheme + "://" + place[at+1:] + "/" + path)
	switch {
	case err != nil || u.Hostname() == "":
		return URL{}, fmt.Errorf("the account's URL cannot be read: %q is no host with a path; it looks like jmap:https://user@host", place[at+1:])
	case user == "" || strings.ContainsFunc(user, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return URL{}, errors.New("the user name in the account's URL is empty or has a control character")
	case errAccount != nil || hasAccount && account == "" ||
		strings.ContainsFunc(account, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return URL{}, errors.New("the account's URL ends with # and the name of an account, which is empty or cannot be read")
	case u.RawQuery != "" || strings.Contains(rest, "?"):
		return URL{}, errors.New("the account's URL has a query; it looks like jmap:https://user@host")
	}
	u.Host = strings.ToLower(u.Host)
	if u.Path == "/" {
		u.Path = ""
	}
	return URL{User: user, Account: account, session: *u}, nil
}

func cutPrefix(text, prefix string) (string, bool) {
	if len(text) < len(prefix) || !strings.EqualFold(text[:len(prefix)], prefix) {
		return text, false
	}
	return text[len(prefix):], true
}

// String inverts ParseURL.
func (u URL) String() string {
	user := strings.NewReplacer("+", "%20", "%40", "@").Replace(url.QueryEscape(u.User))
	text := Prefix + u.session.Scheme + "://" + user + "@" + u.session.Host + u.session.EscapedPath()
	if u.Account != "" {
		text += "#" + strings.ReplaceAll(url.PathEscape(u.Account), "#", "%23")
	}
	return text
}

// IsURL reports whether a text looks like the URL of an account over JMAP.
func IsURL(text string) bool {
	_, is := cutPrefix(text, Prefix)
	return is
}

// Name returns the account as user@host, or account@host. A name with an @ is complete.
func (u URL) Name() string {
	name := cmp.Or(u.Account, u.User)
	if u.Account != "" && strings.Contains(name, "@") {
		return name
	}
	return name + "@" + u.Host()
}

// Host returns the host without a port.
func (u URL) Host() string { return u.session.Hostname() }

// IsZero reports whether there is no URL.
func (u URL) IsZero() bool { return u.session.Host == "" }

// sessionURL returns where the session is.
func (u URL) sessionURL() *url.URL {
	at := u.session
	if at.Path == "" {
		at.Path = wellKnown
	}
	return &at
}
