package imapclient

import (
	"reflect"
	"testing"

	"github.com/mailstrata/mailstrata/mail"
)

// Each root counts once, whichever mailboxes have it, and a mailbox that refuses has none.
func TestQuotas(t *testing.T) {
	opts := serve(t, loggedIn("IMAP4rev1 QUOTA",
		`< GETQUOTAROOT "INBOX"`, `< GETQUOTAROOT "A b"`, `< GETQUOTAROOT "gone"`, `< GETQUOTAROOT "Shared/x"`,
		`* QUOTAROOT INBOX ""`, `* QUOTA "" (STORAGE 10 512 MESSAGE 3 20)`, `TAG1 OK x`,
		`* QUOTAROOT "A b" "" "second root"`, `* QUOTA "" (STORAGE 10 512 MESSAGE 3 20)`, `* QUOTA "second root" (STORAGE 1 2)`, `TAG2 OK x`,
		`TAG3 NO [NONEXISTENT] no`,
		`* QUOTAROOT Shared/x "second root" empty`, `* QUOTA "second root" (STORAGE 1 2)`, `* QUOTA empty ()`, `TAG4 OK x`))
	list, err := connect(t, opts).Quotas(t.Context(), []string{"INBOX", "A b", "gone", "Shared/x"})
	want := []mail.Quota{
		{Resource: "STORAGE", Usage: 10, Limit: 512}, {Resource: "MESSAGE", Usage: 3, Limit: 20},
		{Root: "second root", Resource: "STORAGE", Usage: 1, Limit: 2},
	}
	if err != nil || !reflect.DeepEqual(list, want) {
		t.Errorf("%v\n got %+v\nwant %+v", err, list, want)
	}
	opts = serve(t, loggedIn("IMAP4rev1 ACL"))
	if list, err := connect(t, opts).Quotas(t.Context(), []string{"INBOX"}); err != nil || list != nil {
		t.Errorf("of a server without quotas: %v, %v", list, err)
	}
}
