package mail

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// A pattern matches a mailbox and those below it, by levels and not by characters.
func TestPattern(t *testing.T) {
	for _, c := range []struct {
		Pattern   Pattern
		name      string
		delimiter string
		want      bool
	}{
		{"Work", "Work", "/", true},
		{"Work", "Work/2026/March", "/", true},
		{"Work", "Workshop", "/", false},
		{"Work", "Work.2026", "/", false},
		{"Work", "Work.2026", "", false},
		{"work", "Work", "/", false},
		{"inbox", "INBOX", ".", true},
		{"INBOX", "INBOX.Sent", ".", false},
		{"INBOX.Sent", "INBOX.Sent.2026", ".", true},
		{"INBOX*", "INBOX.Sent", ".", true},
		{"*/2026", "Work/Old/2026/March", "/", true},
		{"%/2026", "Work/2026", "/", true},
		{"%/2026", "Work/Old/2026", "/", false},
		{"W*k", "Work", "/", true},
		{"*", "", "/", true},
		{"%", "Work", "/", true},
		{"Entwürfe", "Entwürfe", "/", true},
		{"A&B", "A&B", "/", true},
	} {
		if got := c.Pattern.Matches(&Mailbox{Raw: c.name, Name: c.name, Delimiter: c.delimiter}); got != c.want {
			t.Errorf("%q matches %q: %v", c.Pattern, c.name, got)
		}
	}
	raw := &Mailbox{Raw: "Entw&APw-rfe", Name: "Entwürfe", Delimiter: "/"}
	if !Pattern("Entw&APw-rfe").Matches(raw) || !Pattern("Entwürfe").Matches(raw) {
		t.Error("a mailbox is not found by both of its names")
	}
}

// A name that is not UTF-8 is matched as it is, and as it is shown.
func TestNameThatIsNotUTF8(t *testing.T) {
	box := &Mailbox{Raw: "Entw\xfcrfe/1", Name: "Entw\xfcrfe/1", Delimiter: "/"}
	for name, want := range map[string]bool{"Entw\xfcrfe/1": true, "Entw\uFFFDrfe/1": true, `Entw\xfcrfe/1`: true, "Entwurfe/1": false, "Entw\uFFFD\uFFFDrfe/1": false} {
		if box.HasName(name) != want || Pattern(name).Matches(box) != want {
			t.Errorf("%q: want %v", name, want)
		}
	}
	if !Pattern("Entw\uFFFDrfe").Matches(box) {
		t.Error("the mailbox above it does not match")
	}
}

// matchName agrees with a regular expression, for every pattern and name.
func FuzzMatchName(f *testing.F) {
	f.Add("a*b%c/*", "aab/bc/")
	f.Add("%a%b", "xa/ab")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if !utf8.ValidString(pattern) || !utf8.ValidString(name) || len(pattern) > 50 {
			return
		}
		expression := regexp.QuoteMeta(pattern)
		expression = strings.ReplaceAll(expression, `\*`, `.*`)
		expression = strings.ReplaceAll(expression, `%`, `[^/]*`)
		want := regexp.MustCompile(`(?s)\A` + expression + `\z`).MatchString(name)
		if got := matchName(pattern, name, "/"); got != want {
			t.Errorf("fits(%q, %q) = %v", pattern, name, got)
		}
	})
}
