package imapclient

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/mail"
)

// Properties come from responses in any order, with names and values in any form that RFC 5464
// allows.
func TestProperties(t *testing.T) {
	large := strings.Repeat("x", mail.MaxAnnotation+1)
	opts := serve(t, loggedIn("IMAP4rev1 ACL METADATA",
		`< GETMETADATA (DEPTH infinity) "" (/private /shared)`,
		`< GETMETADATA (DEPTH infinity) "INBOX" (/private /shared)`,
		`< GETACL "INBOX"`,
		`< GETMETADATA (DEPTH infinity) "A b" (/private /shared)`,
		`< GETACL "A b"`,
		`* ACL inbox jo lrswipkxtea "-some team" w`,
		`* METADATA "" (/shared/admin "mailto:x" /shared/comment NIL)`,
		`* METADATA INBOX (/private/b ~{3}`, "\x00\xffz /private/a {0}", ` /shared/large {65537}`, large+` /shared/vendor/cmu/cyrus-imapd/size "7")`,
		`* METADATA INBOX /shared/changed`,
		`* METADATA INBOX (/private/c NIL /private/d word)`,
		`* METADATA Other (/private/c "x")`,
		`TAG1 OK x`, `TAG2 OK x`, `TAG3 OK x`, `TAG4 NO [NOPERM] no`, `TAG5 NO no`,
		`< MYRIGHTS "A b"`, `* MYRIGHTS "A b" lr`, `TAG OK x`))
	list, notes, err := connect(t, opts).Properties(t.Context(), []string{"INBOX", "A b"})
	want := []mail.Properties{
		{Annotations: []mail.Annotation{{Name: "/shared/admin", Value: "mailto:x"}}},
		{Mailbox: "A b", Rights: "lr"},
		{
			Mailbox: "INBOX",
			Grants:  []mail.Grant{{Identifier: "-some team", Rights: "w"}, {Identifier: "jo", Rights: "lrswipkxtea"}},
			Annotations: []mail.Annotation{
				{Name: "/private/a"}, {Name: "/private/b", Value: "\x00\xffz"}, {Name: "/private/d", Value: "word"},
			},
			Omitted: []string{"/shared/large"},
		},
	}
	if err != nil || len(notes) > 0 || !reflect.DeepEqual(list, want) {
		t.Errorf("%v %v\n got %+v\nwant %+v", notes, err, list, want)
	}
}

// If the server says that it cannot answer now, nothing is returned: the mailbox would seem to have
// no rights.
func TestPropertiesTemporary(t *testing.T) {
	opts := serve(t, loggedIn("IMAP4rev1 ACL", `< GETACL "INBOX"`, "TAG NO [UNAVAILABLE] later"))
	list, _, err := connect(t, opts).Properties(t.Context(), []string{"INBOX"})
	if !errors.Is(err, mail.ErrTemporary) || list != nil {
		t.Errorf("%v, %v", list, err)
	}
}
