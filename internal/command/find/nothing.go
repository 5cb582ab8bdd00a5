package find

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/archive/textindex"
	"github.com/mailstrata/mailstrata/fulltext/words"
	"github.com/mailstrata/mailstrata/internal/ui"
)

const (
	// maxGuesses bounds the searches of guess. Each takes a few milliseconds.
	maxGuesses = 16
	// maxNamed bounds what is named. Each search that finds something reads where the message is,
	// maybe from a far store.
	maxNamed = 4
)

// guess finds out, after a search by the index that found nothing of what is wanted, which word has
// to be left out to find something, which words begin others that are there, which -word excludes
// all, and whether the dates do. People remember a message by half, and have a word or the year
// wrong.
func (s *searchResults) guess(ctx context.Context, x *textindex.Index, live *textindex.Live, wanted *words.Expr) {
	if s.scope.All && s.query.ReadsFlags() {
		return // each search would read manifests
	}
	terms := []*words.Expr{wanted}
	if wanted.Op == words.And {
		terms = wanted.Args
	}
	positive := 0
	for _, t := range terms {
		if t.Op != words.Not && t.Op != words.HasAttachment {
			positive++
		}
	}
	left := maxGuesses
	query := s.query
	finds := func(terms []*words.Expr) bool {
		if left--; left < 0 || len(s.beginnings)+len(s.spare)+len(s.excluding) >= maxNamed {
			return false
		}
		found, _, err := s.scope.Find(ctx, x, live, &words.Query{Words: &words.Expr{Op: words.And, Args: terms}}, query)
		if err != nil {
			return false
		}
		for _, err := range found {
			if err == nil {
				return true
			}
		}
		return false
	}
	if !query.Since.IsZero() || !query.Before.IsZero() {
		query.Since, query.Before = time.Time{}, time.Time{}
		s.otherDates = finds(terms)
		query = s.query
	}
	for i, t := range terms {
		others := slices.Delete(slices.Clone(terms), i, i+1)
		if t.Op == words.Not && t.Args[0].Op == words.Phrase && positive > 0 && finds(others) {
			s.excluding = append(s.excluding, "-"+termText(t.Args[0]))
		}
		if t.Op != words.Phrase {
			continue
		}
		if !t.Prefix && len([]rune(t.Words[len(t.Words)-1])) >= 3 {
			begin := *t
			begin.Prefix = true
			if finds(append(others, &begin)) {
				s.beginnings = append(s.beginnings, termText(&begin))
			}
		}
		if positive > 1 && finds(others) {
			s.spare = append(s.spare, termText(t))
		}
	}
}

// noteGuesses prints what guess found.
func (s *searchResults) noteGuesses() {
	if len(s.beginnings) > 0 {
		s.Note("words are found whole: %s finds something", strings.Join(s.beginnings, " or "))
	}
	if s.otherDates {
		s.Note("something is found outside of these dates")
	}
	if len(s.excluding) > 0 {
		s.Note("something is found without %s", strings.Join(s.excluding, ", or without "))
	}
	if len(s.spare) > 0 {
		s.Note("all words must be in a message: something is found without %s", strings.Join(s.spare, ", or without "))
	}
}

// termText returns a term as it is written in a query.
func termText(t *words.Expr) string {
	text := strings.Join(t.Words, " ")
	if len(t.Words) > 1 {
		text = `"` + text + `"`
	}
	if t.Prefix {
		text += "*"
	}
	if t.Column != words.AnyColumn {
		text = t.Column.String() + ":" + text
	}
	return ui.Safe(text)
}
