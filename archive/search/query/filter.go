package query

import (
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/fulltext/words"
	"github.com/mailstrata/mailstrata/internal/day"
	"github.com/mailstrata/mailstrata/mail"
)

// add adds a filter. All filters must hold, so of two dates or sizes the narrower one counts.
func (q *Query) add(f *words.Filter, now time.Time) error {
	record := &q.Record
	switch f.Name {
	case words.In:
		if f.Not {
			q.NotIn = append(q.NotIn, mail.Pattern(f.Value))
		} else {
			q.In = append(q.In, mail.Pattern(f.Value))
		}
	case words.After, words.Before:
		when, ok := day.Parse(f.Value, now)
		if text, spaced := spacedDate(f, now); !ok && spaced {
			return f.Errorf("a date with a space needs quotes: %s:%q", f.Name, text)
		}
		if !ok {
			return f.Errorf("%q is not a date; write %s", f.Value, day.Forms)
		}
		if (f.Name == words.After) != f.Not {
			record.Since = later(record.Since, when.From)
		} else {
			record.Before = earlier(record.Before, when.From)
		}
	case words.Larger, words.Smaller:
		n, err := humanize.ParseBytes(f.Value)
		if err != nil || n == 0 || n > 1<<62 {
			return f.Errorf("%q is not a size such as 500K or 1M", f.Value)
		}
		addSize(record, f, int64(n))
	case words.Flag, words.Is:
		addFlag(record, f)
	case words.Label:
		if f.Not {
			record.NotLabels = append(record.NotLabels, f.Value)
		} else {
			record.Labels = append(record.Labels, f.Value)
		}
	}
	return nil
}

// spacedDate returns the date that a value is the beginning of, such as last of "last month", if
// the words after it end it.
func spacedDate(f *words.Filter, now time.Time) (text string, ok bool) {
	most := f.Value
	for i, word := range strings.Fields(f.Following()) {
		if i == 2 { // 2 weeks ago
			break
		}
		most += " " + word
		if _, parses := day.Parse(most, now); parses {
			text, ok = most, true
		}
	}
	return text, ok
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
