package setup

import (
	"testing"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/internal/probe"
	"github.com/mailstrata/mailstrata/sftp"
)

// The URL that setup writes is read as the user and the server that were tested.
func TestAccountURL(t *testing.T) {
	for _, user := range []string{"anna", "anna@mail.example", `DOMAIN\anna`, "a:b", "a b%", "é+x@mail.example", "anna*master"} {
		for _, s := range []probe.Server{
			{Host: "imap.mail.example"}, {Host: "imap.mail.example", Port: 993}, {Host: "imap.mail.example", Port: 1993},
			{Host: "imap.mail.example", Port: 143, Security: imap.StartTLS}, {Host: "::1", Security: imap.Plain}, {Host: "127.0.0.1", Port: 1143, Security: imap.Plain},
		} {
			url := accountURL(user, &s)
			o, err := imap.ParseURL(url)
			want := imap.Options{Host: s.Host, Port: s.Port, Security: s.Security}
			if err != nil || o.User != user || o.Address() != want.Address() || o.Security != s.Security {
				t.Errorf("%s of %+v is %s: %+v, %v", user, s, url, o, err)
			}
		}
	}
}

// A directory on another host is the one that was typed.
func TestRemotePlace(t *testing.T) {
	for typed, want := range map[[2]string]string{
		{"nas", "mail"}: "mail", {"anna@nas", "/srv/mail"}: "/srv/mail", {"anna@nas:2222", "/srv/mail"}: "/srv/mail",
		{"nas:2222", "mail"}: "mail", {"ssh://anna@nas", "~/mail"}: "mail", {"[::1]", "mail"}: "mail", {"[::1]:2222", "mail"}: "mail",
	} {
		place := remotePlace(typed[0], typed[1])
		if l, err := sftp.ParseLocation(place); err != nil || l.Path != want {
			t.Errorf("%v is %s: %+v, %v", typed, place, l, err)
		}
	}
}

// What people type as an address or a server is understood, or refused.
func TestTyped(t *testing.T) {
	for _, bad := range []string{"anna", "@mail.example", "anna@", "a@b@c", "anna @mail.example", "Anna <anna@mail.example>", "a/b@c"} {
		if checkAddress(bad) == nil {
			t.Errorf("%q is taken for an address", bad)
		}
	}
	for text, want := range map[string]string{
		"imap.mail.example": "imap.mail.example", "imap.mail.example:1993": "imap.mail.example:1993", "imaps://imap.mail.example": "imap.mail.example",
		"[::1]:1143": "[::1]:1143", "a@b": "", "": "", "imap.mail.example/x": "",
	} {
		host, port, err := parseServer(text)
		if got := hostAndPort(host, port); got != want || (err == nil) != (want != "") {
			t.Errorf("%q is %q, %v", text, got, err)
		}
	}
}

// An account that is in the archive is found there by its user and its server.
func TestSameLogin(t *testing.T) {
	const url = "imaps://anna@mail.example"
	for other, want := range map[string]bool{
		url: true, "imap://anna@MAIL.example": true, "imaps://anna@mail.example:993": true, "imaps://anna@mail.example:1993": false,
		"imaps://jo@mail.example": false, "imaps://anna@other.example": false, "maildir:/mail": false, "": false,
		"jmap:https://anna@mail.example": false,
	} {
		if got := sameLogin(url, other); got != want {
			t.Errorf("%q: %v", other, got)
		}
	}
}
