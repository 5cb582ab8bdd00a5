package manifest

import (
	"fmt"
	"math/bits"
)

// span is an aligned range of 2^bits UIDs that begins at start, a multiple of 2^bits.
//
// Spans are the nodes of a binary tree. Its root is allUIDs, and the children of a span are its
// halves. The pages of a mailbox are the nodes nearest to the root that hold at most PageRecords
// messages, without the empty ones. Versions before 2026-12 divided at MaxPageRecords; see
// pageLimit.
type span struct {
	start uint32
	bits  uint8
}

// allUIDs is the span of all UIDs.
var allUIDs = span{0, 32}

// minPageBits is the size of the smallest span of a page. The parent of a smaller one holds at most
// 2^4 messages, too.
const minPageBits = 4

func (s span) end() uint64 { return uint64(s.start) + 1<<s.bits }

func (s span) valid() bool {
	return s.bits <= 32 && uint64(s.start)&(1<<s.bits-1) == 0
}

func (s span) contains(other span) bool {
	return s.start <= other.start && other.end() <= s.end()
}

// first returns the half of s with the smaller UIDs.
func (s span) first() span { return span{s.start, s.bits - 1} }

// next returns the largest span that begins where s ends. There is none if s ends with the last
// UID.
func (s span) next() span {
	end := s.end()
	return span{uint32(end), uint8(bits.TrailingZeros64(end))}
}

// element is one or more records in a span.
type element interface {
	span() span
	count() int
}

// partition finds the spans that are pages, from elements in ascending order. It holds the elements
// of one span, the candidate, which have at most limit records. Tests exhaust small limits.
//
// An element of several records has at most limit of them. It is a page or becomes part of a larger
// one; it is never divided.
type partition[E element] struct {
	limit    int  // the most records of a page
	at       span // the candidate; its parent holds more than limit records
	elements []E  // in the candidate
	count    int  // of records in the candidate
	emit     func(span, []E) error
}

func newPartition[E element](limit int, emit func(span, []E) error) *partition[E] {
	return &partition[E]{limit: limit, at: allUIDs, emit: emit}
}

func (p *partition[E]) add(it E) error {
	if !p.at.contains(it.span()) {
		if err := p.flush(); err != nil {
			return err
		}
		for !p.at.contains(it.span()) {
			p.at = p.at.next()
		}
	}
	p.elements = append(p.elements, it)
	p.count += it.count()
	if p.count <= p.limit {
		return nil
	}
	return p.split()
}

// split replaces the candidate by its first half and adds the elements again.
func (p *partition[E]) split() error {
	elements := p.elements
	p.at, p.elements, p.count = p.at.first(), nil, 0
	for _, it := range elements {
		if err := p.add(it); err != nil {
			return err
		}
	}
	return nil
}

// flush makes the candidate a page, unless it is empty.
func (p *partition[E]) flush() error {
	if p.count == 0 {
		return nil
	}
	err := p.emit(p.at, p.elements)
	clear(p.elements)
	p.elements, p.count = p.elements[:0], 0
	return err
}

// Range returns the first and the last UID that the page can hold.
func (p Page) Range() (first, last uint64) { return uint64(p.Start), uint64(p.Start) + 1<<p.Bits - 1 }

func (p Page) span() span { return span{p.Start, p.Bits} }
func (p Page) count() int { return int(p.Messages) }

// pageLimit returns the limit at which the pages of a mailbox were divided: PageRecords, or
// MaxPageRecords if a page holds more. Pages show their limit: two halves of a span that was
// divided at MaxPageRecords hold more than that together, so one of the pages holds more than
// PageRecords.
func pageLimit(pages []Page) int {
	for _, p := range pages {
		if p.Messages > PageRecords {
			return MaxPageRecords
		}
	}
	return PageRecords
}

// checkPartition refuses rows that cannot be all the pages of a mailbox.
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
			return refuse("pages at %d: not divided at the largest spans", s.start)
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

// check refuses a row that cannot be a page.
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
