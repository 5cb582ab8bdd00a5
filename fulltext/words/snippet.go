package words

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Range is a range of bytes.
type Range struct{ Start, End int }

// lead is the part of a snippet that stands before the first word that matches: one third.
const lead = 3

// Snippet returns at most n characters of a text of a column, where it matches best, and the places
// in them that match. It is one line: spaces and control characters become one space. "…" stands
// where the text goes on. If nothing in the text matches, Snippet returns "".
func (q *Query) Snippet(c Column, text string, n int) (string, []Range) {
	matches := q.matches(c, text)
	if len(matches) == 0 || n <= 0 {
		return "", nil
	}
	start, end := window(text, matches[best(matches, n)].Start, n)
	var line strings.Builder
	if start > 0 {
		line.WriteString("…")
	}
	var marked []Range
	at := start
	copyTo := func(end int) {
		writeLine(&line, text[at:end])
		at = end
	}
	for _, m := range matches {
		if m.Start < at || m.End > end {
			continue
		}
		copyTo(m.Start)
		begin := line.Len()
		copyTo(m.End)
		marked = append(marked, Range{begin, line.Len()})
	}
	copyTo(end)
	if end < len(text) {
		line.WriteString("…")
	}
	return line.String(), marked
}

// found is a place where a phrase matches.
type found struct {
	Range
	phrase *phrase
}

// matches returns where the phrases that are not negated match, without overlaps.
func (q *Query) matches(c Column, text string) (all []found) {
	if q.Words == nil {
		return nil
	}
	s := newSearch(&Expr{Op: And})
	s.add(q.Words, false)
	s.missing = 1 // all of the text is scanned
	s.match = func(p *phrase, start, end int) { all = append(all, found{Range{start, end}, p}) }
	s.begin(c)
	Scan(text, s.word)
	slices.SortStableFunc(all, func(a, b found) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(b.End, a.End))
	})
	end := 0
	return slices.DeleteFunc(all, func(m found) bool {
		overlaps := m.Start < end
		end = max(end, m.End)
		return overlaps
	})
}

// best returns the match after which most different phrases match within n bytes.
func best(matches []found, n int) int {
	most, at := 0, 0
	last := 0
	count := make(map[*phrase]int)
	for i := range matches {
		for last < len(matches) && matches[last].End-matches[i].Start <= n-n/lead {
			count[matches[last].phrase]++
			last++
		}
		if len(count) > most {
			most, at = len(count), i
		}
		if last == i {
			last++ // a match longer than the snippet
		} else if p := matches[i].phrase; count[p] == 1 {
			delete(count, p)
		} else {
			count[p]--
		}
	}
	return at
}

// window returns the range of at most n characters around a place in a text. It does not cut words
// at its ends, if these have spaces.
func window(text string, at, n int) (start, end int) {
	start = at
	for range n / lead {
		_, size := utf8.DecodeLastRuneInString(text[:start])
		start -= size
	}
	end = start
	for range n {
		_, size := utf8.DecodeRuneInString(text[end:])
		end += size
	}
	if start > 0 {
		if i := strings.IndexFunc(text[start:at], unicode.IsSpace); i >= 0 {
			start += i
		}
	}
	if end < len(text) {
		if i := strings.LastIndexFunc(text[at:end], unicode.IsSpace); i > 0 {
			end = at + i
		}
	}
	return start, end
}

// writeLine adds text to a line.
func writeLine(line *strings.Builder, text string) {
	for _, r := range text {
		switch {
		case unicode.IsSpace(r) || unicode.IsControl(r):
			if s := line.String(); s != "" && !strings.HasSuffix(s, " ") {
				line.WriteByte(' ')
			}
		case !unicode.Is(unicode.Cf, r) && r != utf8.RuneError:
			line.WriteRune(r)
		}
	}
}
