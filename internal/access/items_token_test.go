package access

import (
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
		all, err := host.Items(a, new(AccountFlags))
		if test.wants != (err == nil && len(all) == 1) || err != nil && !strings.Contains(err.Error(), "read with a token") {
			t.Errorf("%+v: %d servers, %v", test, len(all), err)
		}
	}
}
