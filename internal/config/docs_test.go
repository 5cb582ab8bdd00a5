package config

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// commented are the keys that the example shows in comments.
var commented = regexp.MustCompile(`(?m)^# +([a-z_0-9]+ = )`)

// TestTheExampleInTheDocumentationIsRight requires that the example parses, and that it names every
// key.
func TestTheExampleInTheDocumentationIsRight(t *testing.T) {
	manual, err := os.ReadFile(filepath.Join("..", "..", "docs", "config.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(manual), "```toml\n")
	text, _, found := strings.Cut(text, "```\n")
	if !found {
		t.Fatal("docs/config.md has no example")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "config.toml")
	for name, content := range map[string]string{file: text, filepath.Join(dir, "users.txt"): "lea\nmax\n"} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Load(file, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Accounts) != 7 || len(c.Repositories) != 2 || c.Retention.IsZero() {
		t.Errorf("%+v", c)
	}
	all := commented.ReplaceAllString(text, "$1")
	for _, section := range []func(*table){
		func(t *table) { t.repository(&Config{}) },
		func(t *table) { t.account(&Config{}); t.users() },
		func(t *table) { t.retention() },
		func(t *table) { t.run(&Config{}) },
		func(t *table) { t.provider(&Config{}) },
		func(t *table) { t.watch() },
	} {
		asked := &table{parser: &parser{lines: &lines{}}}
		section(asked)
		for _, key := range asked.known {
			if !strings.Contains(all, "\n"+key+" = ") && !strings.Contains(all, "#   "+key+" = ") {
				t.Errorf("the example does not show %s", key)
			}
		}
	}
}
