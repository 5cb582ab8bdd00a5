// Package query reads the language of searches (docs/search.md) as what a search needs: words, conditions on what a manifest
// records, and mailboxes.
package query

import (
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
}

// Parse reads texts that all must match, and adds the conditions of record. Dates are read at the time now. An error in a text
// is a *words.SyntaxError.
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
func (w *Query) Wants(m *mail.Mailbox) bool {
	for _, p := range w.In {
		if !p.Matches(m) {
			return false
		}
	}
	for _, p := range w.NotIn {
		if p.Matches(m) {
			return false
		}
	}
	return true
}

// IsZero reports whether the query has no condition.
func (w *Query) IsZero() bool {
	return w.Words == nil && w.Record.IsZero() && len(w.In)+len(w.NotIn) == 0
}
