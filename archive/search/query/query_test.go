package query_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/archive/search/query"
	"github.com/mailstrata/mailstrata/fulltext/words"
	"github.com/mailstrata/mailstrata/mail"
)

var now = time.Date(2026, 3, 14, 12, 0, 0, 0, time.Local)

// The narrower of two conditions counts.
func TestConditionsNarrow(t *testing.T) {
	q, err := query.Parse([]string{"bridge after:2026-01-01 larger:1K", "after:2026-02-01 -before:2025-01-01 smaller:1M -in:Old in:Work*"},
		search.Query{Larger: 5000, Since: now.AddDate(-2, 0, 0), Flags: []string{"$Done"}}, now)
	if err != nil {
		t.Fatal(err)
	}
	r := &q.Record
	if !r.Since.Equal(time.Date(2026, 2, 1, 0, 0, 0, 0, time.Local)) || r.Larger != 5000 || r.Smaller != 1_000_000 || len(r.Flags) != 1 {
		t.Errorf("the conditions are %+v", r)
	}
	for name, want := range map[string]bool{"Work": true, "Work/2026": true, "Old": false, "INBOX": false} {
		if got := q.Wants(&mail.Mailbox{Name: name, Raw: name, Delimiter: "/"}); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if q.IsZero() || q.Words == nil {
		t.Error("the query has no conditions")
	}
}

func TestWrongQueries(t *testing.T) {
	for _, text := range []string{"after:sometime", "larger:x", "smaller:0", `"open`, "(a"} {
		_, err := query.Parse([]string{text}, search.Query{}, now)
		var wrong *words.SyntaxError
		if !errors.As(err, &wrong) {
			t.Errorf("%s: %v", text, err)
		}
	}
	for text, want := range map[string]string{
		"after:last month x": `after:"last month"`, "bridge -before:2 weeks ago": `before:"2 weeks ago"`,
		"after:last bridge": `"last" is not a date`, "after:soon enough": `"soon" is not a date`,
	} {
		if _, err := query.Parse([]string{text}, search.Query{}, now); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	if q, err := query.Parse([]string{"  ", ""}, search.Query{}, now); err != nil || !q.IsZero() {
		t.Errorf("an empty query: %+v, %v", q, err)
	}
}
