package imaprestore

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/imap/internal/wire"
	"github.com/mailstrata/mailstrata/mail"
)

// A mailbox keeps its levels at the target, whatever both delimiters are. If the server refuses the
// name, a stricter spelling is tried.
func TestMapping(t *testing.T) {
	slash, dot, inbox, flat := mapping{delimiter: "/"}, mapping{delimiter: "."}, mapping{prefix: "INBOX.", delimiter: "."}, mapping{}
	for _, test := range []struct {
		m               mapping
		name, delimiter string
		lenient, strict string
	}{
		{slash, "Inbox", "/", "INBOX", "INBOX"},
		{slash, "a/b", "/", "a/b", "a/b"},
		{slash, "a.b", ".", "a/b", "a/b"},
		{slash, "a/b", ".", "a%2Fb", "a%2Fb"},
		{dot, "v1.2/x", "/", "v1%2E2.x", "v1%2E2.x"},
		{dot, "Entwürfe", "/", "Entw&APw-rfe", "Entw&APw-rfe"},
		{inbox, "Sent", "/", "INBOX.Sent", "INBOX.Sent"},
		{inbox, "INBOX.Sent", ".", "INBOX.Sent", "INBOX.Sent"},
		{inbox, "INBOX", "/", "INBOX", "INBOX"},
		{flat, "a/b", "/", "a/b", "a%2Fb"},
		{slash, "../.", "/", "%2E%2E/%2E", "%2E%2E/%2E"},
		{slash, "a//b", "/", "a/%/b", "a/%/b"},
		{slash, " edge ", "/", "%20edge%20", "%20edge%20"},
		{slash, "caf\xe9", "/", "caf%E9", "caf%E9"},
		{slash, "100%25", "/", "100%2525", "100%2525"},
		{slash, "100%", "/", "100%", "100%25"},
		{slash, "a\r\n*", "/", "a%0D%0A%2A", "a%0D%0A%2A"},
		{slash, "^x,y", "/", "^x,y", "%5Ex%2Cy"},
		{slash, "a😀", "/", "a&2D3eAA-", "a%F0%9F%98%80"},
	} {
		box := &mail.Mailbox{Raw: test.name, Name: test.name, Delimiter: test.delimiter}
		if have := test.m.name(box, test.m.spellings()[0]); have != test.lenient {
			t.Errorf("%q: have %q, want %q", test.name, have, test.lenient)
		}
		if have := test.m.name(box, test.m.spellings()[1]); have != test.strict {
			t.Errorf("%q, strictly: have %q, want %q", test.name, have, test.strict)
		}
	}
}

// A mailbox without one of its name goes to that with its special use, if no archived mailbox has
// that name.
func TestSpecialUses(t *testing.T) {
	boxes := func(names ...string) (list []mail.Mailbox) {
		for _, name := range names {
			name, use, _ := strings.Cut(name, "=")
			box := mail.Mailbox{Raw: name, Name: name, Delimiter: "/"}
			if use != "" {
				box.SpecialUse = []string{use}
			}
			list = append(list, box)
		}
		return list
	}
	for _, test := range []struct{ there, archived, want string }{
		{`INBOX Sent=\Sent`, `INBOX Sent=\Sent`, "INBOX Sent"},
		{`INBOX sent-mail=\Sent Bin=\Trash`, `INBOX Sent=\Sent Trash=\TRASH`, "INBOX sent-mail Bin"},
		{`INBOX sent-mail=\Sent Sent`, `Sent=\Sent`, "Sent"},
		{`sent-mail=\Sent`, `Sent=\Sent sent-mail`, "Sent sent-mail"},
		{`sent-mail=\Sent`, `Sent=\Sent old=\Sent`, "sent-mail old"},
		{`Everything=\All Stars=\Flagged`, `All=\All Starred=\Flagged`, "All Starred"},
		{`INBOX=\Archive`, `Archive=\Archive INBOX`, "Archive INBOX"},
	} {
		p := &preparation{m: mapping{delimiter: "/"}}
		p.addListed(boxes(strings.Fields(test.there)...))
		places, err := p.mapPlaces(boxes(strings.Fields(test.archived)...))
		if err != nil {
			t.Fatal(err)
		}
		var have []string
		for _, place := range places {
			have = append(have, place.Name)
		}
		if got := strings.Join(have, " "); got != test.want {
			t.Errorf("%s to %s: have %s, want %s", test.archived, test.there, got, test.want)
		}
	}
}

// Escapes can be read back, so no two names become one, and no character is left that an IMAP name
// cannot hold.
func FuzzEscape(f *testing.F) {
	for _, seed := range []string{"", "%", "%%", "%2F", "%2f", "a/b", "..", ".", " ", "\x00", "caf\xe9", "%\xff", "%2/", "日本"} {
		f.Add(seed)
	}
	m := mapping{delimiter: "/"}
	f.Fuzz(func(t *testing.T, level string) {
		for _, s := range m.spellings() {
			escaped := s.escape(level)
			if back := s.unescape(escaped); back != level {
				t.Errorf("%q became %q and %q", level, escaped, back)
			}
			if strings.ContainsAny(escaped, "/\x00\r\n*") || escaped == "" || !wire.Quotable(mail.EncodeName(escaped)) && len(escaped) < 100 {
				t.Errorf("%q became %q", level, escaped)
			}
		}
	})
}

// unescape inverts escape.
func (s spelling) unescape(escaped string) string {
	if escaped == string(rune(s.sign)) {
		return ""
	}
	var b strings.Builder
	for i := 0; i < len(escaped); i++ {
		if escaped[i] == s.sign && i+2 < len(escaped) && isHex(escaped[i+1]) && isHex(escaped[i+2]) {
			var c byte
			fmt.Sscanf(escaped[i+1:i+3], "%02X", &c)
			b.WriteByte(c)
			i += 2
			continue
		}
		b.WriteByte(escaped[i])
	}
	return b.String()
}
