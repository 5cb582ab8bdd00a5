// Package query reads the language of searches (docs/search.md) as what a search needs: words,
// conditions on what a manifest records, and mailboxes.
package query

import (
	"slices"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/fulltext/words"
	"github.com/mailstrata/mailstrata/mail"
)

// Query is a query of words, with what its filters say.
type Query struct {
	*words.Query
	Record    search.Query // without Message
	In, NotIn []mail.Pattern
	Fold      bool // In and NotIn match in upper and lower case
}

// Parse reads texts that all must match, and adds the conditions of record. Dates are read at the
// time now. An error in a text is a *words.SyntaxError.
func Parse(texts []string, record search.Query, now time.Time) (*Query, error) {
	w := &Query{Record: record}
	for _, text := range texts {
		parsed, err := words.Parse(text)
		if err != nil {
			return nil, err
		}
		for i := range parsed.Filters {
			if err := w.add(&parsed.Filters[i], now); err != nil {
				return nil, err
			}
		}
	}
	var err error
	w.Query, err = words.Parse(strings.Join(texts, " ")) // what stands side by side must all match
	return w, err
}

// Wants reports whether a mailbox is searched.
func (q *Query) Wants(m *mail.Mailbox) bool {
	for _, p := range q.In {
		if !q.matches(p, m) {
			return false
		}
	}
	for _, p := range q.NotIn {
		if q.matches(p, m) {
			return false
		}
	}
	return true
}

func (q *Query) matches(p mail.Pattern, m *mail.Mailbox) bool {
	if !q.Fold || p.Matches(m) {
		return p.Matches(m)
	}
	name := strings.ToLower(m.Name)
	return mail.Pattern(strings.ToLower(string(p))).Matches(&mail.Mailbox{
		Name: name, Raw: name, Delimiter: m.Delimiter,
	})
}

// Unmatched returns the patterns of In that do not match a mailbox.
func (q *Query) Unmatched(in []mail.Pattern, m *mail.Mailbox) []mail.Pattern {
	return slices.DeleteFunc(slices.Clone(in), func(p mail.Pattern) bool { return q.matches(p, m) })
}

// IsZero reports whether the query has no condition.
func (q *Query) IsZero() bool {
	return q.Words == nil && q.Record.IsZero() && len(q.In)+len(q.NotIn) == 0
}
