package main

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/repo"
)

func TestSafe(t *testing.T) {
	for text, want := range map[string]string{
		"Grüße, 日本 👩‍💻":   "Grüße, 日本 👩‍💻",
		`\Seen`:           `\Seen`,
		"\x1b[31mred":     `\x1b[31mred`,
		"a\rb\nc\td\x00":  `a\x0db\x0ac\x09d\x00`,
		"\u009b2J":        `\u009b2J`,
		"exe.\u202egpj":   `exe.\u202egpj`,
		"zero\u200bwidth": `zero\u200bwidth`,
		"K\xf6ln":         `K\xf6ln`,
		"line\u2028break": `line\u2028break`,
	} {
		if got := safe(text); got != want {
			t.Errorf("safe(%q) = %q, want %q", text, got, want)
		}
	}
}

// Whatever a server sends, no byte of it makes a terminal do anything, and JSON stays what it was.
func FuzzSafe(f *testing.F) {
	f.Add("\x1b]0;title\a")
	f.Add("\u2066\U000e0001\xff")
	f.Fuzz(func(t *testing.T, text string) {
		harmless := func(what, shown string) {
			if !utf8.ValidString(shown) || strings.IndexFunc(shown, func(r rune) bool { return !isHarmless(r) }) >= 0 {
				t.Errorf("%s of %q: %q", what, text, shown)
			}
		}
		harmless("safe", safe(text))
		plain, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		escaped := escapeJSON(plain)
		harmless("JSON", string(escaped))
		var before, after string
		if json.Unmarshal(plain, &before) != nil || json.Unmarshal(escaped, &after) != nil || before != after {
			t.Errorf("JSON of %q was %q and is %q", text, before, after)
		}
	})
}

func TestPattern(t *testing.T) {
	for _, c := range []struct {
		pattern   pattern
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
		if got := c.pattern.matches(&mail.Mailbox{Raw: c.name, Name: c.name, Delimiter: c.delimiter}); got != c.want {
			t.Errorf("%q matches %q: %v", c.pattern, c.name, got)
		}
	}
	raw := &mail.Mailbox{Raw: "Entw&APw-rfe", Name: "Entwürfe", Delimiter: "/"}
	if !pattern("Entw&APw-rfe").matches(raw) || !pattern("Entwürfe").matches(raw) {
		t.Error("a mailbox is not found by both of its names")
	}
}

// fits says the same as a regular expression, for every pattern and name.
func FuzzFits(f *testing.F) {
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
		if got := fits(pattern, name, "/"); got != want {
			t.Errorf("fits(%q, %q) = %v", pattern, name, got)
		}
	})
}

func TestNearest(t *testing.T) {
	names := []string{"INBOX", "Projects", "Projects/Bridge", "Trash"}
	for word, want := range map[string]string{
		"Project": "Projects", "projects/brigde": "Projects/Bridge", "Inbox": "INBOX", "Reisen": "", "trahs": "Trash", "web": "",
	} {
		if got := nearest(word, names); got != want {
			t.Errorf("nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestBrief(t *testing.T) {
	id := strings.Repeat("0123456789abcdef", 4)
	text := "chunk " + id + " in data/" + id + ": damaged"
	if got, want := brief(text), "chunk 01234567… in data/"+id+": damaged"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestDescribe(t *testing.T) {
	for want, c := range map[string]struct {
		tally
		elapsed time.Duration
	}{
		"0 messages read":  {},
		"10 messages read": {tally{messages: 10}, time.Hour},
		"1 of 2 messages read, 10 B, 5 B/s, 3 s left":               {tally{messages: 1, bytes: 10, total: 2}, 2 * time.Second},
		"1,000 of 4,000 messages read, 60 MB, 1.0 MB/s, 3 min left": {tally{messages: 1000, bytes: 60e6, total: 4000}, time.Minute},
		"7 messages read, 70 B, 70 B/s":                             {tally{messages: 7, bytes: 70, total: 7}, time.Second},
	} {
		if got := describe("read", c.tally, c.elapsed); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestPlural(t *testing.T) {
	for want, got := range map[string]string{
		"1 message": plural(1, "message"), "0 messages": plural(0, "message"), "1,234 mailboxes": plural(1234, "mailbox"),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// On a terminal there is one line that changes; what else is told stands above it, and nothing of it stays.
func TestConsole(t *testing.T) {
	var screen strings.Builder
	c := &console{w: &screen, live: true}
	c.status("1 message")
	c.line(levelInfo, "a warning")
	c.status("2 messages")
	c.clear()
	c.clear()
	if got, want := screen.String(), "1 message\r\x1b[Ka warning\n2 messages\r\x1b[K"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// A command of several steps says which it is at, and how long that one takes.
func TestProgressOfSteps(t *testing.T) {
	for _, c := range []struct {
		now     repo.Progress
		elapsed time.Duration
		want    string
	}{
		{repo.Progress{Step: "packs deleted", Done: 3, Of: 40, Bytes: 30e6, AllBytes: 400e6}, 0, "packs deleted: 3 of 40, 30 MB of 400 MB"},
		{repo.Progress{Step: "packs deleted", Done: 20, Of: 40, Bytes: 100e6, AllBytes: 400e6}, 10 * time.Second, "packs deleted: 20 of 40, 100 MB of 400 MB, 10 MB/s, 31 s left"},
		{repo.Progress{Step: "objects checked", Done: 10, Of: 40, Bytes: 300e6, AllBytes: 400e6}, 10 * time.Second, "objects checked: 10 of 40, 300 MB of 400 MB, 30 MB/s, 31 s left"},
		{repo.Progress{Step: "locks renewed", Done: 1234}, time.Minute, "locks renewed: 1,234"},
		{repo.Progress{Step: "manifests followed", Done: 40, Of: 40}, time.Minute, "manifests followed: 40 of 40"},
	} {
		if got := describeStep(c.now, c.elapsed); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	var screen strings.Builder
	told := (&program{console: &console{w: &screen, live: true}}).progress("pruned")
	told.at(repo.Progress{Step: "packs deleted", Done: 1, Of: 2})
	told.next = time.Time{}
	told.at(repo.Progress{Step: "index segments merged", Done: 1, Of: 8})
	told.done()
	if got, want := screen.String(), "packs deleted: 1 of 2\r\x1b[Kindex segments merged: 1 of 8\r\x1b[K"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// Elsewhere nothing is told until a while has passed, and with -q nothing ever.
func TestProgress(t *testing.T) {
	var screen strings.Builder
	p := &program{console: &console{w: &screen, verbose: true}}
	told := p.progress("read")
	told.update("anna", tally{messages: 1, total: 2})
	if screen.Len() > 0 {
		t.Errorf("told at once: %q", screen.String())
	}
	told.next = time.Time{}
	told.update("jo", tally{messages: 2, total: 3})
	if got, want := screen.String(), "3 of 5 messages read\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	told.next = time.Time{}
	told.update("jo", tally{messages: 2, byID: 1, total: 3})
	if !strings.HasSuffix(screen.String(), "\n3 of 5 messages read, 1 of them known\n") {
		t.Errorf("%q", screen.String())
	}
	told.next = time.Time{}
	told.update("jo", tally{messages: 2, total: 3, mailboxes: 1, allMailboxes: 4})
	if !strings.HasSuffix(screen.String(), "\n3 of 5 messages read, 1 of 4 mailboxes\n") {
		t.Errorf("%q", screen.String())
	}
	p.console.quiet = true
	told.next = time.Time{}
	told.update("jo", tally{messages: 3, total: 3})
	if strings.Count(screen.String(), "\n") != 3 {
		t.Errorf("told with -q: %q", screen.String())
	}
}
