package access

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/mailstrata/mailstrata/collection"
	"github.com/mailstrata/mailstrata/dav"
	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/internal/config"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/loopback"
	"github.com/mailstrata/mailstrata/internal/secret"
	"github.com/mailstrata/mailstrata/sieve"
)

// Items returns the scripts, calendars and address books that the configuration gives an account.
// If the mail is read with a token, so are calendars and address books that have no password of
// their own. A target that cannot be used, because its URL is wrong or its password is not known,
// fails when it is opened: the others and the mail can still be read.
func (h *Host) Items(a *Account, flags *AccountFlags) (all []collection.Target) {
	c := &a.Configured
	for _, from := range []struct {
		kind collection.Kind
		url  string
		own  config.Secret
		key  string
	}{
		{collection.Sieve, c.Sieve, c.SieveSecret, "sieve_secret"},
		{collection.Calendars, c.CalDAV, c.DAVSecret, "dav_secret"},
		{collection.AddressBooks, c.CardDAV, c.DAVSecret, "dav_secret"},
	} {
		if from.url == "" {
			continue
		}
		password, shared := a.password(flags), true
		var token func(context.Context) (string, error)
		switch {
		case !from.own.IsZero():
			shared = false
			password = secret.Source{Name: "password of " + from.kind.String() + " of " + a.Name,
				Environ: a.environ()}.Or(from.own)
		case c.Provider == "" && c.Token == "":
		case !takesToken(from.kind, from.url, a.Options.Host):
			all = append(all, collection.Failing(from.kind, withoutPassword(from.url), &hint.Error{
				Text: "its password is not known, because the mail is read with a token",
				Hint: "set " + from.key + "_file or another " + from.key + "_… in the configuration",
			}))
			continue
		default:
			token = func(ctx context.Context) (string, error) { return h.tokenOf(ctx, a, flags) }
		}
		target, err := h.itemTarget(from.kind, from.url, a, login{password, token, shared})
		if err != nil {
			target = collection.Failing(from.kind, withoutPassword(from.url), err)
		}
		all = append(all, target)
	}
	return all
}

// withoutPassword returns a text that should be a URL, without what may be a password.
func withoutPassword(text string) string {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		scheme, rest = "", text
	}
	end := len(rest)
	if slash := strings.IndexByte(rest, '/'); slash > strings.LastIndexByte(rest, '@') {
		end = slash
	}
	login, host, has := "", rest[:end], false
	if at := strings.LastIndexByte(host, '@'); at >= 0 {
		login, host, has = host[:at], host[at+1:], true
	}
	if login, _, _ = strings.Cut(login, ":"); has {
		login += "@"
	}
	if ok {
		scheme += "://"
	}
	return strings.ToValidUTF8(scheme+login+host+rest[end:], "\uFFFD")
}

// login is what a server of items gets.
type login struct {
	password secret.Source
	token    func(context.Context) (string, error) // nil: the password
	shared   bool                                  // the password is that of the mail
}

// takesToken reports whether the access token of the mail may be sent to a server of calendars or
// address books: to one of the site of the mail server, and to those that Google has for this
// (https://developers.google.com/workspace/calendar/caldav/v2/guide).
func takesToken(kind collection.Kind, text, mailHost string) bool {
	u, err := dav.ParseURL(text)
	if err != nil || kind == collection.Sieve || u.Scheme != "https" {
		return false
	}
	if dav.SameSite(mailHost, "gmail.com") {
		switch strings.ToLower(u.Hostname()) {
		case "apidata.googleusercontent.com", "www.googleapis.com":
			return true
		}
	}
	return dav.SameSite(u.Hostname(), mailHost)
}

// tokenOf returns an access token of an account whose mail is read with tokens.
func (h *Host) tokenOf(ctx context.Context, a *Account, flags *AccountFlags) (string, error) {
	if a.Options.Token != nil {
		return a.Options.Token(ctx)
	}
	unlocked := *a
	if err := h.UnlockAccount(ctx, &unlocked, flags); err != nil {
		return "", err
	}
	if unlocked.Options.Token == nil {
		return "", errors.New("the account has no access token")
	}
	return unlocked.Options.Token(ctx)
}

// ItemTargets returns what a URL has: scripts of sieve://user@host, or calendars and address books
// of https://user@host. The password is that of an account of the configuration with the same URL,
// or else that of the environment.
func (h *Host) ItemTargets(text string, flags *AccountFlags) ([]collection.Target, error) {
	c, err := h.Config()
	if err != nil {
		return nil, err
	}
	for i := range c.Accounts {
		configured := &c.Accounts[i]
		if configured.Name != text && configured.Sieve != text && configured.CalDAV != text &&
			configured.CardDAV != text {
			continue
		}
		a, err := AccountOf(configured)
		if err != nil {
			return nil, err
		}
		all := h.Items(a, flags)
		if configured.Name != text {
			all = withURL(all, text)
		}
		return all, nil
	}
	a := &Account{Name: text, URL: text}
	if strings.HasPrefix(text, "sieve:") {
		target, err := h.itemTarget(collection.Sieve, text, a, login{password: a.password(flags)})
		return []collection.Target{target}, err
	}
	calendars, err := h.itemTarget(collection.Calendars, text, a, login{password: a.password(flags)})
	if err != nil {
		return nil, err
	}
	books, err := h.itemTarget(collection.AddressBooks, text, a, login{password: a.password(flags)})
	return []collection.Target{calendars, books}, err
}

func withURL(all []collection.Target, text string) (some []collection.Target) {
	for _, t := range all {
		if t.URL() == text {
			some = append(some, t)
		}
	}
	return some
}

// itemTarget returns a target. It reads the password when it is needed.
func (h *Host) itemTarget(kind collection.Kind, text string, a *Account, login login) (collection.Target, error) {
	pool, err := trustedCertificates(cmp.Or(h.Flags.CAFile, a.Configured.CAFile))
	if err != nil {
		return nil, err
	}
	ask := func(ctx context.Context) (string, error) {
		value, err := h.Secrets.Read(ctx, login.password)
		mail := a.Options
		if mail.Password = string(value); err == nil && login.shared && h.logins.Refused(&mail) {
			return "", fmt.Errorf("%w, because %s refused the same password", imap.ErrNotTried, mail.Host)
		}
		return string(value), err
	}
	plain := h.Flags.AllowPlaintext || a.Configured.AllowPlaintext
	config := &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	if kind == collection.Sieve {
		o, err := sieve.ParseURL(text)
		if err != nil {
			return nil, &hint.Usage{Text: "the URL of the scripts: " + err.Error(), Hint: "sieve://user@host[:port]"}
		}
		o.User = cmp.Or(o.User, a.Options.User)
		o.Password, o.TLS, o.AllowPlaintext = ask, config, plain
		o.Silent = h.silent(a.Name, o.Host)
		return sieve.New(o), nil
	}
	u, err := dav.ParseURL(text)
	if err == nil && u.Scheme == "http" && !plain && !loopback.Is(u.Hostname()) {
		err = errors.New("http sends the password in the clear: use https, or allow it with insecure_plaintext")
	}
	if err != nil {
		return nil, &hint.Usage{
			Text: "the URL of the " + kind.String() + "s: " + err.Error(), Hint: "https://user@host/path",
		}
	}
	if u.User.Username() == "" && a.Options.User != "" {
		u.User = url.User(a.Options.User)
	}
	return dav.New(kind, dav.Options{
		URL: u, Password: ask, Token: login.token, TLS: config, AllowPlaintext: u.Scheme == "http",
		Silent: h.silent(a.Name, u.Hostname()),
	}), nil
}
