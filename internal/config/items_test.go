package config

import "testing"

// TestItemsOfTokens checks that calendars may get the access token of the mail, and that a wrong
// URL of calendars does not keep all accounts from being archived: packages access and dav decide
// about both, for one source alone.
func TestItemsOfTokens(t *testing.T) {
	c, problems := parse(t, `
[[accounts]]
url = "imaps://anna@mail.example"
oauth2_token_command = "token anna"
caldav = "https://anna@dav.mail.example/"
carddav = "htps://anna@dav.mail.example/"
sieve = "sieve://anna@mail.example"
`)
	if len(problems) > 0 || len(c.Accounts) != 1 || c.Accounts[0].CalDAV == "" || c.Accounts[0].Sieve == "" {
		t.Errorf("%q, %+v", problems, c.Accounts)
	}
}
