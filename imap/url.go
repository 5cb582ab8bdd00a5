package imap

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// ErrURLPassword means that a URL holds a password.
var ErrURLPassword = errors.New("the account's URL holds a password; " +
	"leave it out and give it by variable, file or command")

// ParseURL reads imaps://user@host[:port] and imap://user@host[:port]. The latter means STARTTLS,
// and no encryption on the loopback. The user name is everything before the last '@', as people
// write it (DOMAIN\user, a whole address, blanks), where %XX is a byte. ParseURL refuses a secret
// in a URL and does not repeat it, because URLs appear in argument lists, histories and logs.
func ParseURL(text string) (Options, error) {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return Options{}, fmt.Errorf("%s is not an IMAP URL; it looks like imaps://user@host", withoutSecret(text))
	}
	if text != strings.TrimSpace(text) {
		return Options{}, errors.New("the account's URL begins or ends with a blank")
	}
	at := strings.LastIndexByte(rest, '@')
	if at < 0 {
		return Options{}, errors.New("the account's URL has no user; it looks like imaps://user@host")
	}
	user, host := rest[:at], rest[at+1:]
	if strings.Contains(user, ":") {
		return Options{}, ErrURLPassword
	}
	o, err := parseHost(host)
	if err != nil {
		return Options{}, err
	}
	if o.User, err = url.PathUnescape(user); err != nil {
		return Options{}, errors.New("the user name in the account's URL has a % without two hexadecimal digits: " +
			"write %25 for a %")
	}
	switch scheme = strings.ToLower(scheme); {
	case scheme == "imaps":
		o.Security = TLS
	case scheme == "imap" && isLoopback(o.Host):
		o.Security = Plain
	case scheme == "imap":
		o.Security = StartTLS
	default:
		return Options{}, fmt.Errorf("%q is not an IMAP URL; it looks like imaps://user@host", text)
	}
	switch {
	case o.Host == "" || o.User == "":
		return Options{}, fmt.Errorf("%q lacks a user or a host; it looks like imaps://user@host", text)
	case strings.ContainsFunc(o.User, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return Options{}, fmt.Errorf("the user name in %q has a control character", text)
	case o.Port == portTLS && o.Security == StartTLS:
		return Options{}, fmt.Errorf("%q: port %d is the one for TLS; write imaps://", text, portTLS)
	}
	return o, nil
}

// parseHost reads host[:port], with an optional '/' at the end.
func parseHost(text string) (Options, error) {
	text = strings.TrimSuffix(text, "/")
	if strings.ContainsAny(text, "/?#") {
		return Options{}, fmt.Errorf("%q says more than a host; an account's URL looks like imaps://user@host", text)
	}
	u, err := url.Parse("imap://" + text)
	if err != nil {
		if _, port, has := strings.Cut(text, ":"); has && !strings.HasPrefix(text, "[") {
			return Options{}, fmt.Errorf("the account's URL cannot be read: %q is not a port; "+
				"it looks like imaps://user@host", port)
		}
		return Options{}, fmt.Errorf("the account's URL cannot be read: %q is not a host; it looks like imaps://user@host",
			text)
	}
	o := Options{Host: u.Hostname()}
	if p := u.Port(); p != "" {
		port, err := strconv.ParseUint(p, 10, 16)
		if err != nil || port == 0 {
			return Options{}, fmt.Errorf("%q is not a port", p)
		}
		o.Port = int(port)
	}
	return o, nil
}

// withoutSecret returns what an error may repeat of a text that is not a URL. A password would
// precede an '@'.
func withoutSecret(text string) string {
	if before, after, ok := strings.Cut(text, "@"); ok && strings.Contains(before, ":") {
		return strconv.Quote("…@" + after)
	}
	return strconv.Quote(text)
}

// isLoopback reports whether a host is the loopback. It looks up no names, because others decide
// what they resolve to.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}
