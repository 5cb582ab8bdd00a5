package view

import (
	"slices"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// listed returns mailboxes of these raw names, each with the delimiter after a space, if there is
// one.
func listed(lines ...string) (all []*manifest.Mailbox) {
	for _, line := range lines {
		raw, delimiter, _ := strings.Cut(line, "  ")
		name, ok := mail.DecodeName(raw)
		if !ok {
			name = raw
		}
		all = append(all, &manifest.Mailbox{Mailbox: mail.Mailbox{Raw: raw, Name: name, Delimiter: delimiter}})
	}
	return all
}

func namesOf(all []*manifest.Mailbox) (served []string) {
	n := newNames(all, delimiterOf(all))
	for _, m := range all {
		served = append(served, n.of(m))
	}
	return served
}

// Each mailbox has a name of its own in IMAP with one delimiter, and an ordinary name stays.
func TestNames(t *testing.T) {
	for _, test := range []struct{ raw, want []string }{
		{[]string{"INBOX  /", "Sent  /", "Entw&APw-rfe/2024  /", "R&-D  /", "a b  /", "50% *  /"}, []string{"INBOX", "Sent", "Entw&APw-rfe/2024", "R&-D", "a b", "50% *"}},
		{[]string{"inbox  ", "INBOX.a.b  .", "x/y  ."}, []string{"INBOX", "INBOX.a.b", "x/y"}},
		{[]string{"a/b  ", "a=2Fb  ", "a=2F  "}, []string{"a=2Fb", "a=3D2Fb", "a=3D2F"}},
		{[]string{"a.b/c  .", "x/y  /"}, []string{"a/b=2Fc", "x/y"}},
		{[]string{"a.b  .", "a/b  /"}, []string{"a.b", "a/b"}},
		{[]string{"Entwürfe  /"}, []string{"Entw&APw-rfe"}},
		{[]string{"Entwürfe  /", "Entw&APw-rfe  /"}, []string{"Entw=C3=BCrfe", "Entw&APw-rfe"}},
		{[]string{"bad&name  /", "bad=26name  /", "bad\xff  /", "=  /", "=a1  /", "=A1  /"}, []string{"bad=26name", "bad=3D26name", "bad=FF", "=", "=a1", "=3DA1"}},
		{[]string{"&AGE-  /", "a  /"}, []string{"=26AGE-", "a"}},
	} {
		if have := namesOf(listed(test.raw...)); !slices.Equal(have, test.want) {
			t.Errorf("%q\nhave %q\nwant %q", test.raw, have, test.want)
		}
	}
}

// Two mailboxes of one hierarchy never get the same name, whatever their servers call them, and no
// name needs more than ASCII.
func FuzzNames(f *testing.F) {
	f.Add("a/b", "a=2Fb", "", "/")
	f.Add("bad&name", "bad=26name", "/", "/")
	f.Add("Entwürfe", "Entw&APw-rfe", ".", ".")
	f.Add("\xff", "=FF", "", "")
	f.Fuzz(func(t *testing.T, a, b, delimiterA, delimiterB string) {
		if a == b || len(delimiterA) > 1 || delimiterA > "~" || strings.Contains("&=%*\"\\+,-", delimiterA) && delimiterA != "" || delimiterA > "" && delimiterA < " " ||
			delimiterB != delimiterA && delimiterB != "" {
			return // mailboxes of a server have different names, and one delimiter or none
		}
		if strings.EqualFold(a, "inbox") || strings.EqualFold(b, "inbox") {
			return
		}
		if isAlphanumeric(delimiterA) {
			return // it would occur in encoded text
		}
		all := listed(a+"  "+delimiterA, b+"  "+delimiterB)
		all[0].Delimiter, all[1].Delimiter, all[0].Raw, all[1].Raw = delimiterA, delimiterB, a, b
		for i, raw := range []string{a, b} {
			if name, ok := mail.DecodeName(raw); ok {
				all[i].Name = name
			}
		}
		served := namesOf(all)
		if served[0] == served[1] {
			t.Errorf("%q and %q are both %q", a, b, served[0])
		}
		for _, name := range served {
			if strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Errorf("%q is no name for IMAP", name)
			}
		}
	})
}

func isAlphanumeric(s string) bool {
	return s != "" && strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz0123456789") == ""
}
