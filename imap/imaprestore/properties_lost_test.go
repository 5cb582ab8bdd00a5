package imaprestore

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/imap/internal/imaptest"
	"github.com/mailstrata/mailstrata/mail"
)

// Access rights and annotations are added though the server refuses something for now and loses two
// connections, the second one after it has done what it was asked to. Each is counted once, and
// each difference is named once.
func TestAddPropertiesInterrupted(t *testing.T) {
	wanted := []mail.Properties{
		{Mailbox: "A", Grants: []mail.Grant{{Identifier: "bob", Rights: "lr"}}},
		{
			Mailbox:     "B",
			Grants:      []mail.Grant{{Identifier: "al", Rights: "lr"}, {Identifier: "bob", Rights: "lr"}},
			Annotations: []mail.Annotation{{Name: "/private/a", Value: "1"}},
		},
	}
	read := func(mailbox string, has ...string) []string {
		lines := []string{`< GETMETADATA …`, "TAG OK x", `< GETACL "` + mailbox + `"`}
		return append(append(lines, has...), "TAG OK x")
	}
	script := func(parts ...[]string) imaptest.Script {
		lines := []string{`< GETMETADATA …`, "TAG OK x"}
		for _, part := range parts {
			lines = append(lines, part...)
		}
		return imaptest.LoggedIn("IMAP4rev1 ACL RIGHTS=texk METADATA", lines...)
	}
	first := script(read("A"), read("B", "* ACL B al l"), []string{
		`< SETACL "A" "bob" "lr"`, "TAG OK x", `< SETACL "B" "bob" "lr"`, "TAG NO [UNAVAILABLE] later",
		`< GETMETADATA …`, "TAG OK x",
	}, read("B", "* ACL B al l"), []string{`< SETACL "B" "bob" "lr"`, "TAG OK x", `< SETMETADATA "B" ("/private/a" "1")`, "!"})
	second := imaptest.LoggedIn("IMAP4rev1 ACL RIGHTS=texk METADATA", `< GETMETADATA …`, "TAG OK x",
		`< GETMETADATA …`, `* METADATA B (/private/a "1")`, "TAG OK x", `< GETACL "B"`, "* ACL B al l bob lr", "TAG OK x")
	host, port := imaptest.Serve(t, first, second)
	target := NewTarget(imap.Options{Host: host, Port: port, Security: imap.Plain, User: "anna", Password: "secret"})
	defer target.Close()
	target.pause = func(context.Context, time.Duration) error { return nil }
	report, err := target.AddProperties(t.Context(), wanted, false)
	if err != nil || report.Grants != 2 || report.Annotations != 1 || len(report.Notes) != 1 || !strings.Contains(report.Notes[0], `"al" keeps`) {
		t.Errorf("%+v, %v", report, err)
	}
}
