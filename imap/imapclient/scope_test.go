package imapclient

import (
	"slices"
	"strings"
	"testing"
)

// The client asks by name for a namespace that the server lists only so.
func TestNamespacesListedByName(t *testing.T) {
	for _, test := range []struct {
		named []string
		want  string
	}{{nil, "#shared.a:1 INBOX:0 user.bob:1"}, {[]string{"shared"}, "#shared.a:0 INBOX:0 user.bob:1"}, {[]string{"user"}, "#shared.a:1 INBOX:0 user.bob:0"}} {
		status := script{`< STATUS "INBOX" …`, "TAG NO x"}
		switch {
		case len(test.named) > 0 && test.named[0] == "shared":
			status = script{`< STATUS "#shared.a" …`, `< STATUS "INBOX" …`, "TAG6 NO x", "TAG7 NO x"}
		case len(test.named) > 0:
			status = script{`< STATUS "INBOX" …`, `< STATUS "user.bob" …`, "TAG6 NO x", "TAG7 NO x"}
		}
		c := connect(t, serve(t, slices.Concat(loggedIn("NAMESPACE", "< NAMESPACE", `* NAMESPACE (("INBOX." ".")) (("user." ".")) (("#shared." "."))`, "TAG OK x",
			`< LIST "" "*"`, `* LIST () "." INBOX`, "TAG OK x", "< LSUB …", "TAG OK x", `< LIST "" "user.*"`, `* LIST () "." user.bob`, "TAG OK x",
			`< LIST "" "#shared.*"`, `* LIST () "." #shared.a`, "TAG OK x"), status)))
		survey, err := c.Survey(t.Context(), test.named)
		if err != nil {
			t.Fatal(err)
		}
		var have []string
		for _, m := range survey.Mailboxes {
			have = append(have, m.Raw+":"+string('0'+rune(m.Skip)))
		}
		if got := strings.Join(have, " "); got != test.want {
			t.Errorf("%q: have %s, want %s", test.named, got, test.want)
		}
	}
}
