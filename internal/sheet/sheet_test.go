package sheet_test

import (
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/mailstrata/mailstrata/internal/sheet"
)

func example() *sheet.Sheet {
	return &sheet.Sheet{
		Made: time.Date(2026, 3, 13, 2, 10, 0, 0, time.UTC), Accounts: []string{"anna@mail.example", "<jo>@mail.example"},
		Place: "s3:https://s3.example/anna's mail", Also: "You also need the credentials of the bucket.",
		Fingerprint: "e28dc89e5f0eb7b6dd55734e37cb7d70",
		Key:         "AGE-SECRET-KEY-PQ-1QQPZRYWERTYUIOPASDFGHJKLZXCVBNM0987654321QWERTYUIOPASDFGH",
	}
}

// The page as text fits paper, and has the whole key twice: as text, and as a code with its margin.
func TestText(t *testing.T) {
	s := example()
	text, err := s.Text()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(text) {
		if n := utf8.RuneCountInString(line); n > 80 && !strings.HasPrefix(strings.TrimSpace(line), "mailstrata ") {
			t.Errorf("a line of %d columns: %s", n, line)
		}
	}
	if strings.Join(s.Lines(), "") != s.Key {
		t.Errorf("the lines of the key are %q", s.Lines())
	}
	for _, want := range append(s.Lines(), "█", "restore anna@mail.example@latest ", "restore '<jo>@mail.example@latest' ", `'s3:https://s3.example/anna'\''s mail'`, "2026-03-13") {
		if !strings.Contains(text, want) {
			t.Errorf("it lacks %q:\n%s", want, text)
		}
	}
}

// The page for browsers has the key, and fetches and runs nothing.
func TestHTML(t *testing.T) {
	s := example()
	page, err := s.HTML()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(page, "<jo>") || !strings.Contains(page, "&lt;jo&gt;@mail.example") {
		t.Error("a name is not escaped")
	}
	for _, line := range s.Lines() {
		if !strings.Contains(page, line) {
			t.Errorf("it lacks the key %q", line)
		}
	}
	if found := regexp.MustCompile(`(?i)<script|src=|url\(|<link|@import`).FindString(page); found != "" {
		t.Errorf("it has %s", found)
	}
	if !strings.Contains(page, `<path fill="#000"`) || strings.Contains(page, "&lt;svg") {
		t.Error("it has no code")
	}
}

// With a passphrase there is no key on the page, but a line to write on.
func TestPassphrase(t *testing.T) {
	s := example()
	s.Key = ""
	text, err := s.Text()
	page, errPage := s.HTML()
	if err != nil || errPage != nil {
		t.Fatal(err, errPage)
	}
	if !strings.Contains(text, "______") || strings.Contains(text, "key.txt") || strings.Contains(text, "█") {
		t.Errorf("the text:\n%s", text)
	}
	if !strings.Contains(page, `class="line"`) || strings.Contains(page, "<svg") || strings.Contains(page, "key.txt") {
		t.Error("the page has a key")
	}
}

// The commands name the account even if there is one, because another may follow. Many accounts
// leave it a page.
func TestAccounts(t *testing.T) {
	s := example()
	for _, c := range []struct {
		accounts []string
		lines    int
		first    string
	}{
		{nil, 1, "mailstrata restore ACCOUNT@latest "},
		{[]string{"anna@mail.example"}, 1, "mailstrata restore anna@mail.example@latest "},
		{strings.Fields(strings.Repeat("a@mail.example ", 40)), 6, "mailstrata restore a@mail.example@latest "},
	} {
		s.Accounts = c.accounts
		var lines []string
		files := map[string]bool{}
		for _, step := range s.Steps() {
			for _, line := range step.Commands {
				if strings.Contains(line, " restore ") {
					lines = append(lines, line)
					files[line[strings.LastIndexByte(line, ' '):]] = true
				}
			}
		}
		if len(lines) != c.lines || len(files) != c.lines || !strings.HasPrefix(lines[0], c.first) {
			t.Errorf("of %d accounts: %q", len(c.accounts), lines)
		}
	}
}
