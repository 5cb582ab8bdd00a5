package restore

import (
	"slices"
	"testing"

	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// The prefix of the personal namespace is removed from names, unless two names would become equal.
func TestNamespaceIsNoPartOfNames(t *testing.T) {
	var all []*manifest.Mailbox
	for _, name := range []string{"INBOX", "INBOX.Sent", "INBOX.a.b", "INBOX.INBOX", "INBOX.inbox.x", "INBOX.shared", "shared"} {
		all = append(all, &manifest.Mailbox{Mailbox: mail.Mailbox{Raw: name, Name: name, Delimiter: "."}})
	}
	names := func(spaces ...mail.Namespace) (names []string) {
		var list []*route
		for _, m := range all {
			list = append(list, &route{Mailbox: m.Mailbox, from: m})
		}
		stripNamespace(list, all, spaces)
		for _, d := range list {
			names = append(names, d.Name)
		}
		return names
	}
	courier := mail.Namespace{Kind: mail.Personal, Prefix: "INBOX.", Delimiter: "."}
	want := []string{"INBOX", "Sent", "a.b", "INBOX.INBOX", "INBOX.inbox.x", "INBOX.shared", "shared"}
	if have := names(mail.Namespace{Kind: mail.Shared, Prefix: "s.", Delimiter: "."}, courier); !slices.Equal(have, want) {
		t.Errorf("have %q, want %q", have, want)
	}
	if have := names(mail.Namespace{Kind: mail.Personal, Delimiter: "."}); have[1] != "INBOX.Sent" {
		t.Errorf("without a prefix: %q", have)
	}
}
