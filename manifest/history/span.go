package history

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Span is a period of the calendar, such as "1y6m14d12h": years, months, days and hours.
type Span struct{ Years, Months, Days, Hours int }

// ErrSpan is wrapped by the errors of ParseSpan.
var ErrSpan = errors.New(`a period of time is written as "30d", "8w" or "1y6m": years, months, weeks, days and hours`)

// maxSpan is the largest number of a unit. It is longer than any archive and far from overflow.
const maxSpan = 10_000

// ParseSpan parses a Span. Each of the units y, m, w, d and h occurs at most once, and not all
// numbers are 0. String inverts it, except that weeks become days.
func ParseSpan(text string) (Span, error) {
	var s Span
	rest, seen := text, ""
	for rest != "" {
		i := strings.IndexFunc(rest, func(c rune) bool { return c < '0' || c > '9' })
		if i < 1 {
			return Span{}, fmt.Errorf("%q: %w", text, ErrSpan)
		}
		unit := rest[i : i+1]
		n, err := strconv.Atoi(rest[:i])
		if err != nil || n > maxSpan || strings.Contains(seen, unit) {
			return Span{}, fmt.Errorf("%q: %w", text, ErrSpan)
		}
		switch unit {
		case "y":
			s.Years = n
		case "m":
			s.Months = n
		case "w":
			s.Days += 7 * n
		case "d":
			s.Days += n
		case "h":
			s.Hours = n
		default:
			return Span{}, fmt.Errorf("%q: %w", text, ErrSpan)
		}
		rest, seen = rest[i+1:], seen+unit
	}
	if s == (Span{}) {
		return Span{}, fmt.Errorf("%q: %w", text, ErrSpan)
	}
	return s, nil
}

// String returns the Span as ParseSpan reads it.
func (s Span) String() string {
	var b strings.Builder
	for _, part := range []struct {
		n    int
		unit string
	}{{s.Years, "y"}, {s.Months, "m"}, {s.Days, "d"}, {s.Hours, "h"}} {
		if part.n != 0 {
			fmt.Fprintf(&b, "%d%s", part.n, part.unit)
		}
	}
	return b.String()
}

// Before returns the time that is one Span before t, by the calendar in the zone of t.
func (s Span) Before(t time.Time) time.Time {
	return t.AddDate(-s.Years, -s.Months, -s.Days).Add(-time.Duration(s.Hours) * time.Hour)
}
