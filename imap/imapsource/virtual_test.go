package imapsource

import (
	"slices"
	"testing"

	"github.com/mailstrata/mailstrata/mail"
)

// A mailbox of the special use \All or \Flagged is virtual if its messages are in other mailboxes,
// or, on a server that does not say so, if their ids are.
func TestVirtualMailboxes(t *testing.T) {
	said := func(where ...string) []string {
		var lines []string
		for _, w := range where {
			lines = append(lines, `* 1 FETCH (UID 1 X-MAILBOX "`+w+`")`)
		}
		return append(lines, "TAG OK x")
	}
	unsaid := []string{"TAG BAD what"}
	guids := func(of string, guids ...string) []string {
		lines := []string{`< EXAMINE "` + of + `"`, "* 1 EXISTS", "TAG OK x", "< UID FETCH 1:* (UID X-GUID)"}
		for _, guid := range guids {
			lines = append(lines, "* 1 FETCH (UID 1 X-GUID "+guid+")")
		}
		return append(lines, "TAG OK x")
	}
	for name, test := range map[string]struct {
		answers []string
		is      bool
	}{
		"its messages lie elsewhere":        {said("INBOX", "Work"), true},
		"its messages are its own":          {said("All", "All"), false},
		"some are":                          {said("All", "INBOX"), false},
		"its ids are known elsewhere":       {slices.Concat(unsaid, guids("All", "a", "b"), guids("INBOX", "a", "b", "c")), true},
		"not all ids are known elsewhere":   {slices.Concat(unsaid, guids("All", "a", "x"), guids("INBOX", "a", "b", "c")), false},
		"some of its messages have no id":   {slices.Concat(unsaid, guids("All", "a", `""`)), false},
		"the server is out of order for it": {[]string{"TAG NO no", "< EXAMINE …", "TAG NO no"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := slices.Concat(loggedIn("ID", "< ID …", `* ID ("name" "Dovecot")`, "TAG OK x"),
				script{`< LIST "" "*"`, `* LIST () "/" INBOX`, `* LIST (\All) "/" All`, "TAG OK x", "< LSUB …", "TAG OK x",
					`< STATUS "All" …`, `< STATUS "INBOX" …`, "* STATUS All (MESSAGES 2 UIDNEXT 3 UIDVALIDITY 7)",
					"* STATUS INBOX (MESSAGES 3 UIDNEXT 4 UIDVALIDITY 8)", "TAG4 OK x", "TAG5 OK x",
					`< EXAMINE "All"`, "* 2 EXISTS", "TAG OK x", "< FETCH 1,* (UID X-MAILBOX)"}, test.answers)
			source := NewSource(*serve(t, s))
			defer source.Close()
			survey, err := source.Survey(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if m := survey.Mailboxes[0]; m.Raw != "All" || (m.Skip == mail.SkipVirtual) != test.is || (m.Status == nil) != test.is {
				t.Errorf("have %+v", m)
			}
		})
	}
}
