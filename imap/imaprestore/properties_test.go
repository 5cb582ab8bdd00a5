package imaprestore

import (
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/imap/internal/imaptest"
	"github.com/mailstrata/mailstrata/mail"
)

// What exists is not changed, what is refused is named, and a dry run sends nothing that changes
// the account.
func TestAddProperties(t *testing.T) {
	wanted := []mail.Properties{{
		Mailbox: "Work",
		Grants:  []mail.Grant{{Identifier: "al", Rights: "lrcd"}, {Identifier: "bob", Rights: "lr"}, {Identifier: "eve", Rights: "n"}, {Identifier: "jo", Rights: "lr"}},
		Annotations: []mail.Annotation{
			{Name: "/private/a", Value: "1"}, {Name: "/private/b", Value: "2"}, {Name: "/private/c", Value: "3"}, {Name: "/private/d", Value: "4"},
		},
	}}
	reading := []string{`< GETMETADATA …`, `TAG OK x`, `< GETMETADATA …`, `* METADATA Work (/private/a "1" /PRIVATE/B "other")`, `TAG OK x`,
		`< GETACL "Work"`, `* ACL Work al rl jo l`, `TAG OK x`}
	for _, dry := range []bool{false, true} {
		script := imaptest.LoggedIn("IMAP4rev1 ACL RIGHTS=texk METADATA", reading...)
		if !dry {
			script = append(script, `< SETACL "Work" "bob" "lr"`, `TAG OK x`,
				`< SETMETADATA "Work" ("/private/c" "3")`, `TAG NO [METADATA TOOMANY] no`, `< SETMETADATA "Work" ("/private/d" "4")`, `TAG OK x`)
		}
		host, port := imaptest.Serve(t, script)
		target := NewTarget(imap.Options{Host: host, Port: port, Security: imap.Plain, User: "anna", Password: "secret"})
		report, err := target.AddProperties(t.Context(), wanted, dry)
		notes := strings.Join(report.Notes, "\n")
		if err != nil || report.Grants != 1 || dry && report.Annotations != 2 || !dry && report.Annotations != 1 {
			t.Errorf("dry %t: %+v, %v", dry, report, err)
		}
		for _, want := range []string{`"jo" keeps the rights l, and had lr`, `none of the rights n of "eve"`, "/private/b has another value"} {
			if !strings.Contains(notes, want) {
				t.Errorf("dry %t: no note %q:\n%s", dry, want, notes)
			}
		}
		if !dry && !strings.Contains(notes, "TOOMANY") && !strings.Contains(notes, "METADATA") {
			t.Errorf("the refusal is not named:\n%s", notes)
		}
		if err := target.Close(); err != nil {
			t.Error(err)
		}
	}
}
