package identity_test

import (
	"testing"

	"github.com/mailstrata/mailstrata/backup/identity"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// A server is its host, port and user. The standard ports are one.
func TestServer(t *testing.T) {
	for _, test := range []struct {
		a, b string
		same bool
	}{
		{"imaps://anna@mail.example", "imap://anna@MAIL.example:143", true},
		{"imaps://anna@mail.example:993", "imap://anna@mail.example", true},
		{"imaps://anna@mail.example:1993", "imaps://anna@mail.example", false},
		{"imaps://anna@mail.example", "imaps://bert@mail.example", false},
		{"imaps://anna@mail.example", "imaps://anna@other.example", false},
	} {
		if same := identity.Server(test.a) == identity.Server(test.b); same != test.same {
			t.Errorf("%s and %s: same %t", test.a, test.b, same)
		}
	}
}

// status returns the numbers of a mailbox with ten messages.
func status(validity uint32, id string) *mail.Status {
	return &mail.Status{UIDValidity: validity, UIDNext: 11, Messages: 10, MailboxID: id}
}

// Find follows a mailbox to its new name: by its MAILBOXID for sure, by its UIDVALIDITY
// uncertainly, and by nothing if several mailboxes fit.
func TestFind(t *testing.T) {
	for name, test := range map[string]struct {
		was, now map[string]*mail.Status
		want     map[string]string // the name it is archived under; "": none, with "?" if it is uncertain
	}{
		"the same": {
			map[string]*mail.Status{"A": status(1, "")}, map[string]*mail.Status{"A": status(1, "")},
			map[string]string{"A": "A"},
		},
		"renamed, with ids": {
			map[string]*mail.Status{"A": status(1, "x")}, map[string]*mail.Status{"Z": status(1, "x")},
			map[string]string{"Z": "A"},
		},
		"renamed, without ids": {
			map[string]*mail.Status{"A": status(1, "")}, map[string]*mail.Status{"Z": status(1, "")},
			map[string]string{"Z": "A?"},
		},
		"swapped": {
			map[string]*mail.Status{"A": status(1, "x"), "B": status(2, "y")},
			map[string]*mail.Status{"A": status(2, "y"), "B": status(1, "x")},
			map[string]string{"A": "B", "B": "A"},
		},
		"two of one UIDVALIDITY": {
			map[string]*mail.Status{"A": status(1, ""), "B": status(1, "")},
			map[string]*mail.Status{"Y": status(1, ""), "Z": status(1, "")},
			map[string]string{"Y": "", "Z": ""},
		},
		"replaced": {
			map[string]*mail.Status{"A": status(1, "")}, map[string]*mail.Status{"A": status(2, "")},
			map[string]string{"A": "A"}, // whose UIDVALIDITY the caller compares
		},
	} {
		recorded := make(map[string]*manifest.Mailbox)
		for raw, s := range test.was {
			recorded[raw] = &manifest.Mailbox{Mailbox: mail.Mailbox{Raw: raw, Name: raw, Status: s}, Messages: 10}
		}
		survey := &mail.Survey{}
		for raw, s := range test.now {
			survey.Mailboxes = append(survey.Mailboxes, mail.Mailbox{Raw: raw, Name: raw, Status: s})
		}
		matches := identity.Find(survey, recorded, identity.Missing(survey, recorded))
		for i := range survey.Mailboxes {
			match, got := matches.Of(&survey.Mailboxes[i]), ""
			if match.Old != nil {
				got = match.Old.Raw
			}
			if match.Uncertain {
				got += "?"
			}
			if raw := survey.Mailboxes[i].Raw; got != test.want[raw] {
				t.Errorf("%s: %s is %q, want %q", name, raw, got, test.want[raw])
			}
		}
	}
}
