package manifest

import (
	"fmt"
	"math/bits"
)

// span is an aligned range of UIDs: from start, a multiple of 2^bits, as many as 2^bits.
//
// Spans are the nodes of a binary tree. The whole is its root; a span's halves are its children. The pages of a mailbox
// are the nodes nearest to the root that hold at most PageRecords, without those that hold none. Programs before 2026-12 cut at
// MaxPageRecords; see pageLimit.
type span struct {
	start uint32
	bits  uint8
}

// whole is every UID there is.
var whole = span{0, 32}

// minPageBits is the smallest span a page can have: a smaller one's parent holds no more than a page either.
const minPageBits = 4

func (s span) end() uint64 { return uint64(s.start) + 1<<s.bits }

func (s span) valid() bool {
	return s.bits <= 32 && uint64(s.start)&(1<<s.bits-1) == 0
}

func (s span) contains(other span) bool {
	return s.start <= other.start && other.end() <= s.end()
}

// first is the half of s with the smaller UIDs.
func (s span) first() span { return span{s.start, s.bits - 1} }

// next is the largest span that begins where s ends: the second half of the smallest span of which s is, or ends, the
// first half. There is none after the whole's end.
func (s span) next() span {
	end := s.end()
	return span{uint32(end), uint8(bits.TrailingZeros64(end))}
}

// item is one or more records in a span, whatever else is known of them.
type item interface {
	span() span
	records() int
}

// partition decides which spans are pages, as items arrive in ascending order. It holds the items of the one span that
// is not decided, of limit records at most. Tests exhaust small limits.
//
// An item of several records must not hold more than a page and must be a page, or become part of a larger one: it is
// never torn.
type partition[I item] struct {
	limit int  // records of a page
	at    span // the candidate: its parent holds more than a page
	items []I  // those in it
	count int  // their records
	emit  func(span, []I) error
}

func newPartition[I item](limit int, emit func(span, []I) error) *partition[I] {
	return &partition[I]{limit: limit, at: whole, emit: emit}
}

func (p *partition[I]) add(it I) error {
	if !p.at.contains(it.span()) {
		if err := p.flush(); err != nil {
			return err
		}
		for !p.at.contains(it.span()) {
			p.at = p.at.next()
		}
	}
	p.items = append(p.items, it)
	p.count += it.records()
	if p.count <= p.limit {
		return nil
	}
	return p.split()
}

// split gives up the candidate for its first half, and adds the items again.
func (p *partition[I]) split() error {
	items := p.items
	p.at, p.items, p.count = p.at.first(), nil, 0
	for _, it := range items {
		if err := p.add(it); err != nil {
			return err
		}
	}
	return nil
}

// flush makes the candidate a page, now that all its items are known.
func (p *partition[I]) flush() error {
	if p.count == 0 {
		return nil
	}
	err := p.emit(p.at, p.items)
	clear(p.items)
	p.items, p.count = p.items[:0], 0
	return err
}

// Range is the first and the last UID that the page can have.
func (p Page) Range() (first, last uint64) { return uint64(p.Start), uint64(p.Start) + 1<<p.Bits - 1 }

func (p Page) span() span   { return span{p.Start, p.Bits} }
func (p Page) records() int { return int(p.Messages) }

// pageLimit is at how many records the pages of a mailbox were cut, and are cut further: at PageRecords, or, where a page
// holds more, at MaxPageRecords. No pages fit both limits and could be meant by either: where records were cut at the larger
// limit, two halves hold more than that together, so one of all pages holds more than half of it.
func pageLimit(pages []Page) int {
	for _, p := range pages {
		if p.Messages > PageRecords {
			return MaxPageRecords
		}
	}
	return PageRecords
}

// checkPartition refuses rows that are not all the pages of any mailbox.
func checkPartition(pages []Page) error {
	var end uint64
	for _, p := range pages {
		if err := p.check(); err != nil {
			return err
		}
		if uint64(p.Start) < end {
			return refuse("page at %d, after one that ends at %d", p.Start, end)
		}
		end = p.span().end()
	}
	tree := newPartition(pageLimit(pages), func(s span, of []Page) error {
		if len(of) != 1 || of[0].span() != s {
			return refuse("pages at %d: cut elsewhere than at the largest spans", s.start)
		}
		return nil
	})
	for _, p := range pages {
		if err := tree.add(p); err != nil {
			return err
		}
	}
	return tree.flush()
}

// check refuses a row that can be no page.
func (p Page) check() error {
	s := p.span()
	switch {
	case !s.valid() || s.bits < minPageBits:
		return refuse("page at %d of 2^%d UIDs", p.Start, p.Bits)
	case p.Messages == 0 || p.Messages > MaxPageRecords:
		return refuse("page at %d of %d messages", p.Start, p.Messages)
	case p.Records.IsZero() || p.Flags.IsZero():
		return refuse("page at %d without content", p.Start)
	}
	return nil
}

func (p Page) String() string {
	return fmt.Sprintf("page of UIDs %d to %d", max(p.Start, 1), p.span().end()-1)
}
