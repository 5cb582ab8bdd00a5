package address_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/serve/internal/address"
)

// written returns addresses in a short form: name|route|mailbox|host.
func written(list []address.Address) string {
	var all []string
	for _, a := range list {
		switch {
		case a.Group && a.Mailbox == "":
			all = append(all, "end")
		case a.Group:
			all = append(all, "group "+a.Mailbox)
		default:
			all = append(all, fmt.Sprintf("%s|%s|%s|%s", a.Name, a.Route, a.Mailbox, a.Host))
		}
	}
	return strings.Join(all, "; ")
}

// An address list is read as ENVELOPE has it, also in old and broken forms.
func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"":                                  "",
		" , ,":                              "",
		"a@example.org":                     "||a|example.org",
		"a @ example . org (Anna)":          "Anna||a|example.org",
		"Anna B <a@example.org>":            "Anna B||a|example.org",
		`"B, Anna \"x\"" <a@example.org>`:   `B, Anna "x"||a|example.org`,
		`"a b"@example.org, c@d`:            "||a b|example.org; ||c|d",
		"<@x,@y:a@example.org>":             "|@x,@y|a|example.org",
		"<a@example.org> (Anna (B))":        "Anna (B)||a|example.org",
		"=?utf-8?q?Gr=C3=BC=C3=9Fe?= <a@b>": "=?utf-8?q?Gr=C3=BC=C3=9Fe?=||a|b",
		"friends: a@b, Carl <c@d>;, e@f":    "group friends; ||a|b; Carl||c|d; end; ||e|f",
		"undisclosed-recipients:;":          "group undisclosed-recipients; end",
		"undisclosed-recipients:":           "group undisclosed-recipients; end",
		"nobody":                            "||nobody|MISSING_DOMAIN",
		"Anna <a>, Carl <c>":                "Anna||a|MISSING_DOMAIN; Carl||c|MISSING_DOMAIN",
		"Anna -> Bee <a@b>":                 "Anna -> Bee||a|b",
		"=?utf-8?q?Anna?= Bee a@b":          "=?utf-8?q?Anna?= Bee||a|b",
		`"Anna B" a . b @ c, d@e`:           "Anna B||a.b|c; ||d|e",
		"x:(nobody(at all));":               "group x; end",
		"x:; (no recipients)":               "group x; end",
		"Anna <>":                           "Anna||MISSING_MAILBOX|MISSING_DOMAIN",
		"Anna Bee, c@d":                     "Anna Bee||MISSING_MAILBOX|MISSING_DOMAIN; ||c|d",
		"a@b <a@b>":                         "a@b||a|b",
		"a@[10.0.0.1]":                      "||a|[10.0.0.1]",
		"Anna <a@b":                         "Anna||a|b",
		`"Anna`:                             "Anna||MISSING_MAILBOX|MISSING_DOMAIN",
		"a@b; c@d":                          "||a|b; ||c|d",
		"x: y: a@b;;":                       "group x; end; group y; ||a|b; end",
		"Anna (the \\) one) Bee <a@b>":      "Anna Bee||a|b",
		"\"\" <a@b>":                        "||a|b",
		"a@b c@d":                           "||a|bc@d",
	} {
		if have := written(address.Parse(text)); have != want {
			t.Errorf("%s\nhave %s\nwant %s", text, have, want)
		}
	}
}

// Any text is parsed, in a time that its length bounds.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"a@b, \"c\" <d@e>", "x: a;", "(((", "<@a:b@c>", "a@[", `"\`, "\x00@\x00<", strings.Repeat("@,", 20)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		size := 0
		for _, a := range address.Parse(text) {
			if size += len(a.Name) + len(a.Route); a.Mailbox != address.NoMailbox {
				size += len(a.Mailbox)
			}
			if !a.Group && a.Host == "" {
				t.Errorf("%q gives an address that clients take for a group", text)
			}
		}
		if size > 3*len(text)+100 {
			t.Errorf("%d bytes of addresses in %d", size, len(text))
		}
	})
}
