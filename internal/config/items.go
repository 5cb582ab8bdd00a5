package config

import (
	"net/url"
	"strings"

	"github.com/mailstrata/mailstrata/dav"
	"github.com/mailstrata/mailstrata/sieve"
)

// items reads where the scripts, calendars and address books of an account are.
func (t *table) items(a *Account) {
	a.Sieve, a.CalDAV, a.CardDAV = t.text("sieve"), t.text("caldav"), t.text("carddav")
	a.SieveSecret, a.DAVSecret = t.secret("sieve_secret"), t.secret("dav_secret")
	for key, text := range map[string]string{"sieve": a.Sieve, "caldav": a.CalDAV, "carddav": a.CardDAV} {
		if text == "" {
			continue
		}
		text = strings.ReplaceAll(text, userMark, "user")
		var err error
		if key == "sieve" {
			_, err = sieve.ParseURL(text)
		} else {
			_, err = dav.ParseURL(text)
		}
		if err != nil {
			t.wrong(key, "%v", err)
		}
	}
	if a.Provider != "" || a.Token != "" { // a token is for mail alone
		if a.Sieve != "" && a.SieveSecret.IsZero() {
			t.wrong("sieve", "needs a password: sieve_secret_file, or another sieve_secret_…")
		}
		if a.CalDAV+a.CardDAV != "" && a.DAVSecret.IsZero() {
			t.wrong("", "caldav and carddav need a password: dav_secret_file, or another dav_secret_…")
		}
	}
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
