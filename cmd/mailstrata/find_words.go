package main

import (
	"errors"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/fulltext/words"
	"github.com/mailstrata/mailstrata/internal/day"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/job"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/mail"
)

// wordQuery is a query of words, with what its filters say beside a search.Query.
type wordQuery struct {
	*words.Query
	in, notIn []job.Pattern
}

// parseWords parses queries that all must match, and adds their filters to q.
func parseWords(texts []string, q *search.Query) (*wordQuery, error) {
	w := &wordQuery{}
	for _, text := range texts {
		parsed, err := words.Parse(text)
		if err != nil {
			return nil, wrongQuery(err)
		}
		for i := range parsed.Filters {
			if err := w.filter(&parsed.Filters[i], q); err != nil {
				return nil, wrongQuery(err)
			}
		}
	}
	var err error
	w.Query, err = words.Parse(strings.Join(texts, " ")) // what stands side by side must all match
	return w, wrongQuery(err)
}

func wrongQuery(err error) error {
	var wrong *words.SyntaxError
	if errors.As(err, &wrong) {
		return &hint.Usage{Text: err.Error(), Hint: "docs/search.md has the language of queries"}
	}
	return err
}

// wants reports whether a mailbox is searched.
func (w *wordQuery) wants(m *mail.Mailbox) bool {
	for _, p := range w.in {
		if !p.Matches(m) {
			return false
		}
	}
	for _, p := range w.notIn {
		if p.Matches(m) {
			return false
		}
	}
	return true
}

// filter adds a filter to q. All filters must hold, so of two dates or sizes the narrower one counts.
func (w *wordQuery) filter(f *words.Filter, q *search.Query) error {
	switch f.Name {
	case words.In:
		if f.Not {
			w.notIn = append(w.notIn, job.Pattern(f.Value))
		} else {
			w.in = append(w.in, job.Pattern(f.Value))
		}
	case words.After, words.Before:
		date, ok := parseDate(f.Value)
		if !ok {
			return f.Errorf("%s is not a date; write %s", ui.Quote(f.Value), day.Forms)
		}
		if (f.Name == words.After) != f.Not {
			q.Since = later(q.Since, date)
		} else {
			q.Before = earlier(q.Before, date)
		}
	case words.Larger, words.Smaller:
		n, err := humanize.ParseBytes(f.Value)
		if err != nil || n == 0 || n > 1<<62 {
			return f.Errorf("%s is not a size such as 500K or 1M", ui.Quote(f.Value))
		}
		addSize(q, f, int64(n))
	case words.Flag, words.Is:
		addFlag(q, f)
	case words.Label:
		if f.Not {
			q.NotLabels = append(q.NotLabels, f.Value)
		} else {
			q.Labels = append(q.Labels, f.Value)
		}
	}
	return nil
}

// addSize adds a limit. What is not larger than n is smaller than n+1.
func addSize(q *search.Query, f *words.Filter, n int64) {
	switch {
	case f.Name == words.Larger && !f.Not:
		q.Larger = max(q.Larger, n)
	case f.Name == words.Smaller && f.Not:
		q.Larger = max(q.Larger, n-1)
	case f.Name == words.Larger:
		n++
		fallthrough
	default:
		if q.Smaller == 0 || n < q.Smaller {
			q.Smaller = n
		}
	}
}

// systemFlags are the flags that have a backslash (RFC 9051 section 2.3.2).
var systemFlags = []string{"seen", "answered", "flagged", "draft", "deleted"}

// addFlag adds a flag or a keyword that a message must have, or must not.
func addFlag(q *search.Query, f *words.Filter) {
	name, not := f.Value, f.Not
	if f.Name == words.Is && strings.EqualFold(name, "unseen") {
		name, not = "seen", !not
	}
	for _, flag := range systemFlags {
		if strings.EqualFold(strings.TrimPrefix(name, `\`), flag) {
			name = `\` + flag
		}
	}
	if not {
		q.NotFlags = append(q.NotFlags, name)
	} else {
		q.Flags = append(q.Flags, name)
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if !a.IsZero() && a.Before(b) {
		return a
	}
	return b
}
