package words

import (
	"bytes"
	"slices"
	"strings"
)

// Match reports whether the words of a message match. It does not look at Filters. It defines what
// an index must find.
func (q *Query) Match(f *Fields) bool {
	if q.Words == nil {
		return true
	}
	s := newSearch(q.Words)
	f.texts(func(c Column, text string) bool {
		s.begin(c)
		Scan(text, s.word)
		return s.missing > 0
	})
	return s.holds(q.Words, len(f.Attachments) > 0)
}

// search looks for the phrases of an Expr, in one pass over the words of texts.
type search struct {
	phrases []*phrase
	first   map[string][]*phrase // by the first word
	begins  []*phrase            // those that begin with a prefix
	found   map[*Expr]bool
	missing int // how many are not found

	column  Column
	started []progress // phrases whose first words were seen
	match   func(p *phrase, start, end int)
}

// phrase is an Expr that is looked for.
type phrase struct{ *Expr }

// progress is a place in a text where the first words of a phrase are.
type progress struct {
	phrase *phrase
	words  int // that were seen
	start  int // of the first in the text
}

// newSearch prepares a search for all phrases of an Expr.
func newSearch(e *Expr) *search {
	s := &search{first: make(map[string][]*phrase), found: make(map[*Expr]bool)}
	s.match = func(p *phrase, _, _ int) {
		if !s.found[p.Expr] {
			s.found[p.Expr] = true
			s.missing--
		}
	}
	s.add(e, true)
	s.missing = len(s.phrases)
	return s
}

// add adds the phrases of an Expr. If not all, it leaves out what is negated.
func (s *search) add(e *Expr, all bool) {
	if e.Op == Not && !all {
		return
	}
	for _, arg := range e.Args {
		s.add(arg, all)
	}
	if e.Op != Phrase {
		return
	}
	p := &phrase{e}
	s.phrases = append(s.phrases, p)
	if e.Prefix && len(e.Words) == 1 {
		s.begins = append(s.begins, p)
	} else {
		s.first[e.Words[0]] = append(s.first[e.Words[0]], p)
	}
}

// begin begins a text.
func (s *search) begin(c Column) {
	s.column, s.started = c, s.started[:0]
}

// word takes the next word of a text, and reports whether something is left to find.
func (s *search) word(w Word) bool {
	going := s.started[:0]
	for _, at := range s.started {
		if !at.phrase.continues(at.words, w.Text) {
			continue
		}
		if at.words++; at.words == len(at.phrase.Words) {
			s.match(at.phrase, at.start, w.End)
		} else {
			going = append(going, at)
		}
	}
	s.started = going
	for _, p := range s.first[string(w.Text)] {
		switch {
		case p.Column != AnyColumn && p.Column != s.column:
		case len(p.Words) == 1:
			s.match(p, w.Start, w.End)
		default:
			s.started = append(s.started, progress{p, 1, w.Start})
		}
	}
	for _, p := range s.begins {
		if (p.Column == AnyColumn || p.Column == s.column) && p.continues(0, w.Text) {
			s.match(p, w.Start, w.End)
		}
	}
	return s.missing > 0
}

// continues reports whether a word is the one with index i of the phrase.
func (p *phrase) continues(i int, word []byte) bool {
	if p.Prefix && i == len(p.Words)-1 {
		return bytes.HasPrefix(word, []byte(p.Words[i]))
	}
	return p.Words[i] == string(word)
}

// holds reports whether an Expr holds after all texts.
func (s *search) holds(e *Expr, attachments bool) bool {
	switch e.Op {
	case And:
		return !slices.ContainsFunc(e.Args, func(arg *Expr) bool { return !s.holds(arg, attachments) })
	case Or:
		return slices.ContainsFunc(e.Args, func(arg *Expr) bool { return s.holds(arg, attachments) })
	case Not:
		return !s.holds(e.Args[0], attachments)
	case HasAttachment:
		return attachments
	}
	return s.found[e]
}

// String returns a query that Parse reads as an Expr with the same meaning.
func (e *Expr) String() string {
	switch e.Op {
	case And, Or:
		var all []string
		for _, arg := range e.Args {
			all = append(all, arg.String())
		}
		return "(" + strings.Join(all, map[Op]string{And: " ", Or: " OR "}[e.Op]) + ")"
	case Not:
		return "-" + e.Args[0].String()
	case HasAttachment:
		return "has:attachment"
	}
	text := `"` + strings.Join(e.Words, " ") + `"`
	if e.Prefix {
		text += "*"
	}
	if e.Column != AnyColumn {
		text = e.Column.String() + ":" + text
	}
	return text
}
