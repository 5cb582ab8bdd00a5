package main

import (
	"errors"
	"time"

	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/archive/search/query"
	"github.com/mailstrata/mailstrata/fulltext/words"
	"github.com/mailstrata/mailstrata/internal/hint"
)

// parseWords parses queries that all must match, and adds their filters to q.
func parseWords(texts []string, q *search.Query) (*query.Query, error) {
	w, err := query.Parse(texts, *q, time.Now())
	if err != nil {
		return nil, wrongQuery(err)
	}
	*q = w.Record
	return w, nil
}

func wrongQuery(err error) error {
	var wrong *words.SyntaxError
	if errors.As(err, &wrong) {
		return &hint.Usage{Text: err.Error(), Hint: "docs/search.md has the language of queries"}
	}
	return err
}
