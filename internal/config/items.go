package config

import (
	"net/url"
	"strings"
)

// items reads where the scripts, calendars and address books of an account are. It does not look at
// their URLs: one that is wrong is a failure of its own source, and the mail of all accounts is
// archived.
func (t *table) items(a *Account) {
	a.Sieve, a.CalDAV, a.CardDAV = t.text("sieve"), t.text("caldav"), t.text("carddav")
	a.SieveSecret, a.DAVSecret = t.secret("sieve_secret"), t.secret("dav_secret")
	if !a.SieveSecret.IsZero() && a.Sieve == "" {
		t.wrong("sieve", "is missing, but there is a secret for it")
	}
	if !a.DAVSecret.IsZero() && a.CalDAV == "" && a.CardDAV == "" {
		t.wrong("caldav", "is missing, and so is carddav, but there is a secret for them")
	}
}

// expandItems puts a user into the URLs of a template.
func (a *Account) expandItems(user string) {
	for _, text := range []*string{&a.Sieve, &a.CalDAV, &a.CardDAV} {
		*text = strings.ReplaceAll(*text, userMark, url.User(user).String())
	}
}
