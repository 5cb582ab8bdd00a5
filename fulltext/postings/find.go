package postings

import (
	"github.com/mailstrata/mailstrata/fulltext/words"
)

// Hits are the documents that match an expression.
type Hits struct {
	segment *Segment
	found   iterator
}

// Find finds the documents that match an expression, or all if it is nil. If among is not nil, it
// finds those whose rows are in it; these descend.
func (s *Segment) Find(e *words.Expr, among []int64) (*Hits, error) {
	found, err := s.condition(e)
	if err == nil && among != nil {
		members := &some{}
		for ordinal, row := range s.rows {
			for len(among) > 0 && among[0] > row {
				among = among[1:]
			}
			if len(among) > 0 && among[0] == row {
				members.left = append(members.left, uint32(ordinal))
			}
		}
		found = newAnd([]iterator{found, members})
	}
	return &Hits{s, found}, err
}

// Next returns the first row that matches with an ordinal that is at least this one, and its
// ordinal. Ordinals must ascend from call to call.
func (h *Hits) Next(ordinal uint32) (row int64, at uint32, ok bool, err error) {
	at, err = h.found.seek(ordinal)
	if err != nil || at == none {
		return 0, 0, false, err
	}
	if int(at) >= len(h.segment.rows) {
		return 0, 0, false, ErrFormat
	}
	return h.segment.rows[at], at, true, nil
}

// condition returns an iterator over what matches an expression.
func (s *Segment) condition(e *words.Expr) (iterator, error) {
	if e == nil {
		return &every{n: uint32(len(s.rows))}, nil
	}
	switch e.Op {
	case words.Or:
		all := &or{}
		for _, arg := range e.Args {
			part, err := s.condition(arg)
			if err != nil {
				return nil, err
			}
			all.parts = append(all.parts, part)
		}
		return all, nil
	case words.And:
		return s.conjunction(e.Args)
	case words.Not:
		return s.conjunction([]*words.Expr{e})
	case words.HasAttachment:
		return s.word(markAttachment)
	}
	return s.phrase(e)
}

// conjunction returns an iterator over what matches all expressions.
func (s *Segment) conjunction(all []*words.Expr) (iterator, error) {
	var hold, fail []iterator
	for _, e := range all {
		if e.Op == words.Not {
			part, err := s.condition(e.Args[0])
			if err != nil {
				return nil, err
			}
			fail = append(fail, part)
			continue
		}
		part, err := s.condition(e)
		if err != nil {
			return nil, err
		}
		hold = append(hold, part)
	}
	if hold == nil {
		hold = []iterator{&every{n: uint32(len(s.rows))}}
	}
	found := newAnd(hold)
	if fail != nil {
		found = &not{found, &or{parts: fail}}
	}
	return found, nil
}

// word returns an iterator over the documents that have a word.
func (s *Segment) word(word string) (iterator, error) {
	l, err := s.list([]byte(word))
	if err != nil || l == nil {
		return &some{}, err
	}
	return l, nil
}

// phrase returns an iterator over the documents that have words one after the other.
func (s *Segment) phrase(e *words.Expr) (iterator, error) {
	column := uint8(anyColumn)
	if e.Column != words.AnyColumn {
		column = columns[e.Column]
	}
	var all []occurrences
	for i, word := range e.Words {
		if e.Prefix && i == len(e.Words)-1 {
			p := &prefix{segment: s, begin: []byte(word), column: column}
			if i == 0 {
				return p, nil
			}
			all = append(all, p)
			continue
		}
		l, err := s.list([]byte(word))
		if err != nil || l == nil {
			return &some{}, err
		}
		all = append(all, l)
	}
	if len(all) == 1 && column == anyColumn {
		return all[0], nil
	}
	return newPhrase(all, column), nil
}
