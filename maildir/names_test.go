package maildir

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/safename"
	"github.com/mailstrata/mailstrata/mail"
)

// A mailbox has a folder in both layouts, and no name of it that programs misread.
func TestNames(t *testing.T) {
	for _, test := range []struct{ name, maildirPP, nested string }{
		{"INBOX", ".", "."},
		{"inbox", ".", "."},
		{"INBOX/Child", ".INBOX.Child", "INBOX/Child"},
		{"Projects/2023", ".Projects.2023", "Projects/2023"},
		{"v1.2/a", ".v1%2E2.a", "v1.2/a"},
		{"Entwürfe", ".Entw&APw-rfe", "Entw&APw-rfe"},
		{"..", ".%2E%2E", "%2E%2E"},
		{"../../etc/passwd", ".%2E%2E.%2E%2E.etc.passwd", "%2E%2E/%2E%2E/etc/passwd"},
		{"/a//b/", ".%.a.%.b.%", "%/a/%/b/%"},
		{"cur", ".cur", "%63ur"},
		{"a/Tmp", ".a.Tmp", "a/%54mp"},
		{"CON", ".CON", "%43ON"},
		{"subscriptions", ".subscriptions", "%73ubscriptions"},
		{"dovecot-uidlist", ".dovecot-uidlist", "%64ovecot-uidlist"},
		{"123", ".123", "123"},
	} {
		m := box(test.name)
		for layout, want := range map[Layout]string{MaildirPP: test.maildirPP, Nested: test.nested} {
			if got := layout.locate(&m).dir; got != want {
				t.Errorf("%q is in %q, want %q", test.name, got, want)
			}
			checkName(t, layout, m)
		}
	}
}

// A mailbox whose name is INBOX only after decoding is another mailbox.
func TestSecondINBOX(t *testing.T) {
	m := mail.Mailbox{Raw: "&AEk-NBOX", Name: "INBOX"}
	if got := MaildirPP.locate(&m).dir; got != ".%49NBOX" {
		t.Error(got)
	}
}

// checkName checks that a name stays below the Maildir and can be decoded.
func checkName(t *testing.T, layout Layout, m mail.Mailbox) {
	t.Helper()
	if m.IsInbox() {
		return
	}
	l := layout.locate(&m)
	if !filepath.IsLocal(l.dir) || filepath.Clean(l.dir) != l.dir || l.dir == "." {
		t.Errorf("%q is in %q", m.Name, l.dir)
	}
	for part := range strings.SplitSeq(l.dir, "/") {
		if len(part) > 255 || layout == Nested && reserved(strings.ToLower(part)) || layout == Nested && part[0] == '.' {
			t.Errorf("%q is in %q", m.Name, l.dir)
		}
	}
	if got := layout.Decode(l.full); !slices.Equal(got, m.Path()) {
		t.Errorf("%q is in %q, and read back as %q", m.Path(), l.full, got)
	}
	if !l.isCut() && l.isAltered(&m) == (shown(layout, l.dir) == m.Name) {
		t.Errorf("%q is shown as %q, altered: %v", m.Name, shown(layout, l.dir), l.isAltered(&m))
	}
}

// shown returns the name that a server shows for a folder. It decodes modified UTF-7, but no
// escapes of package safename.
func shown(layout Layout, dir string) string {
	if layout == MaildirPP {
		dir = strings.ReplaceAll(dir[1:], ".", "/")
	}
	return safename.Decode(strings.ReplaceAll(dir, "%", "%25"))
}

// Different mailboxes have different folders, each below that of the target.
func FuzzNames(f *testing.F) {
	for _, seed := range []string{"", "/", "..", "a/../b", "~/x", "inbox", "cur/new/tmp", "nul", "&/%/&-", "\xff/\x00", "%2e/%2E",
		strings.Repeat("long ", 60), strings.Repeat("ü", 300) + "/" + strings.Repeat(".", 300), "dovecot"} {
		f.Add(seed, "b")
		f.Add("a", seed)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, layout := range []Layout{MaildirPP, Nested} {
			x, y := box(a), box(b)
			checkName(t, layout, x)
			checkName(t, layout, y)
			if a != b && !(x.IsInbox() && y.IsInbox()) && layout.locate(&x).dir == layout.locate(&y).dir {
				t.Errorf("%q and %q are both in %q", a, b, layout.locate(&x).dir)
			}
		}
	})
}
