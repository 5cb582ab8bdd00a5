package words_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/fulltext/words"
)

// TestDocs parses the queries in docs/search.md.
func TestDocs(t *testing.T) {
	text, err := os.ReadFile("../../docs/search.md")
	if err != nil {
		t.Fatal(err)
	}
	var queries []string
	for line := range strings.Lines(string(text)) {
		if cells := strings.Split(line, "|"); len(cells) > 2 {
			for _, code := range regexp.MustCompile("`[^`]+`").FindAllString(cells[1], -1) {
				queries = append(queries, strings.Trim(code, "`"))
			}
		}
	}
	if len(queries) < 20 {
		t.Fatalf("found only %q", queries)
	}
	for _, query := range queries {
		if q, err := words.Parse(query); err != nil || q.Words == nil && len(q.Filters) == 0 {
			t.Errorf("%s: %v", query, err)
		}
	}
}
