package access

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/ui"
)

// TestTokensStayAtTheirSite checks which servers of calendars get the token of the mail.
func TestTokensStayAtTheirSite(t *testing.T) {
	for _, test := range []struct {
		mail, caldav, sieve string
		wants               bool
	}{
		{"imap.mail.example", "https://anna@dav.mail.example/", "", true},
		{"imap.mail.example", "https://anna@dav.other.example/", "", false},
		{"imap.mail.example", "http://anna@dav.mail.example/", "", false},
		{"imap.mail.example", "", "sieve://anna@mail.example", false},
		{"imap.gmail.com", "https://anna@apidata.googleusercontent.com/caldav/v2/anna%40gmail.com/user", "", true},
		{"imap.gmail.com", "https://anna@evil.googleusercontent.com/", "", false},
		{"imap.mail.example", "https://anna@www.googleapis.com/", "", false},
	} {
		host := NewHost(new(ui.Output), io.Discard, func(string) string { return "" })
		a, err := ParseAccount("imaps://anna@" + test.mail)
		if err != nil {
			t.Fatal(err)
		}
		a.Configured.Token, a.Configured.CalDAV, a.Configured.Sieve = "print-token", test.caldav, test.sieve
		all := host.Items(a, new(AccountFlags))
		if len(all) != 1 {
			t.Fatalf("%+v: %d servers", test, len(all))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, _, err = all[0].Open(ctx)
		if err == nil || test.wants == strings.Contains(err.Error(), "read with a token") {
			t.Errorf("%+v: %v", test, err)
		}
	}
}

// TestWrongURLsOfItems checks that a wrong URL is a failure of its own source, which is named
// without what may be a password.
func TestWrongURLsOfItems(t *testing.T) {
	for _, test := range []struct{ caldav, names, says string }{
		{"htps://anna@dav.example/", "htps://anna@dav.example/", "https://"},
		{"dav.example", "dav.example", "https://"},
		{"https://anna:top-secret@dav.example/cal/", "https://anna@dav.example/cal/", "password"},
		{"https://anna:top/%sec@ret@dav.example/cal", "https://anna@dav.example/cal", "no URL"},
		{"anna:top-secret@dav.example", "anna@dav.example", "https://"},
		{"https://", "https://", "no host"},
		{"http://anna@dav.example/", "http://anna@dav.example/", "in the clear"},
	} {
		host := NewHost(new(ui.Output), io.Discard, func(string) string { return "" })
		a, err := ParseAccount("imaps://anna@mail.example")
		if err != nil {
			t.Fatal(err)
		}
		a.Configured.CalDAV, a.Configured.Sieve = test.caldav, "sieve://anna@mail.example"
		all := host.Items(a, new(AccountFlags))
		if len(all) != 2 || all[0].URL() != "sieve://anna@mail.example" {
			t.Fatalf("%q: %d servers", test.caldav, len(all))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, _, err = all[1].Open(ctx)
		if err == nil || all[1].URL() != test.names || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %q, %v", test.caldav, all[1].URL(), err)
		}
	}
}
