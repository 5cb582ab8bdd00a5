package postings

import (
	"bytes"
	"slices"
)

// Merge writes one segment of several, without the rows that are gone. No row is in two of them.
func Merge(segments []*Segment, gone func(row int64) bool, put func([]byte) error) (Meta, error) {
	m := merge{writer: newWriter(put)}
	rows := m.order(segments, gone)
	for _, in := range m.inputs {
		if err := in.open(); err != nil {
			return Meta{}, err
		}
	}
	for {
		var word []byte
		for _, in := range m.inputs {
			if in.more && (word == nil || bytes.Compare(in.entry.word, word) < 0) {
				word = in.entry.word
			}
		}
		if word == nil {
			return m.writer.close(rows)
		}
		if err := m.word(word); err != nil {
			return Meta{}, err
		}
	}
}

// merge is a merge that goes on.
type merge struct {
	inputs []*input
	with   []*input // those that have the word
	writer *writer
}

// input is a segment that is merged: a walk through its words.
type input struct {
	segment  *Segment
	ordinals []uint32 // by ordinal: the new one, or none if the row is gone

	leaf   int // the next one
	buffer []byte
	fields fields
	entry  entry
	more   bool

	list list
	next uint32 // the new ordinal of the document where the list is
}

// order gives the documents their new ordinals, and returns the rows.
func (m *merge) order(segments []*Segment, gone func(int64) bool) (rows []int64) {
	at := make([]int, len(segments))
	for _, s := range segments {
		m.inputs = append(m.inputs, &input{segment: s, ordinals: make([]uint32, len(s.rows))})
	}
	for {
		first := -1
		for i, s := range segments {
			if at[i] < len(s.rows) && (first < 0 || s.rows[at[i]] > segments[first].rows[at[first]]) {
				first = i
			}
		}
		if first < 0 {
			return rows
		}
		row, ordinal := segments[first].rows[at[first]], &m.inputs[first].ordinals[at[first]]
		at[first]++
		if *ordinal = none; !gone(row) {
			*ordinal = uint32(len(rows))
			rows = append(rows, row)
		}
	}
}

// open goes to the first word.
func (in *input) open() error {
	if err := in.segment.readLeaves(); err != nil {
		return err
	}
	return in.advance()
}

// advance goes to the next word.
func (in *input) advance() error {
	if in.more = len(in.fields.rest) > 0 || in.leaf < len(in.segment.leaves); !in.more {
		return nil
	}
	if len(in.fields.rest) == 0 {
		l := in.segment.leaves[in.leaf]
		in.leaf++
		in.buffer = slices.Grow(in.buffer[:0], l.size)[:l.size]
		if err := in.segment.store.ReadAt(in.buffer, l.offset); err != nil {
			return err
		}
		in.fields, in.entry.word = fields{rest: in.buffer}, in.entry.word[:0]
	}
	if in.fields.entry(&in.entry); in.fields.failed {
		return ErrFormat
	}
	return nil
}

// step goes to the next document of the list that is not gone.
func (in *input) step(from uint32) error {
	for ; ; from++ {
		at, err := in.list.seek(from)
		if err != nil || at == none {
			in.next = none
			return err
		}
		if int(at) >= len(in.ordinals) {
			return ErrFormat
		}
		if in.next = in.ordinals[at]; in.next != none {
			return nil
		}
		from = at
	}
}

// word merges the lists of a word.
func (m *merge) word(word []byte) error {
	m.writer.begin(word)
	m.with = m.with[:0]
	for _, in := range m.inputs {
		if !in.more || !bytes.Equal(in.entry.word, m.writer.word) {
			continue
		}
		m.with = append(m.with, in)
		if err := in.segment.openInto(&in.list, &in.entry); err != nil {
			return err
		}
		if err := in.step(0); err != nil {
			return err
		}
	}
	for {
		first := m.with[0]
		for _, in := range m.with[1:] {
			if in.next < first.next {
				first = in
			}
		}
		if first.next == none {
			break
		}
		if err := m.writer.add(first.next, first.list.raw()); err != nil {
			return err
		}
		if err := first.step(first.list.at); err != nil {
			return err
		}
	}
	for _, in := range m.with {
		if err := in.advance(); err != nil {
			return err
		}
	}
	return m.writer.end()
}
