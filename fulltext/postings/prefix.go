package postings

import (
	"bytes"
	"math/bits"
	"slices"
)

// maxPlaces bounds the places of a prefix that are in memory at once, unless one document has more.
const maxPlaces = 1 << 20

// prefix matches documents with a word that begins with a prefix. That can be a hundred thousand
// words, so it goes through them once and marks the documents. Their places, which a phrase needs,
// are read for a window of documents at a time.
type prefix struct {
	segment *Segment
	begin   []byte
	column  uint8

	marked []uint64 // a bit for each document; nil until it is needed
	sizes  []uint32 // by document: bytes of its places. A place has at least one
	at     uint32

	from, to uint32   // the window
	ends     []uint32 // of its documents: where their places end
	places   []uint64
	buffer   []uint64
}

func (p *prefix) cost() int { return len(p.segment.rows) }

// lists calls do for the list of each word with the prefix. The list is valid during the call.
func (p *prefix) lists(do func(*list) error) error {
	var l list
	return p.segment.scan(p.begin, func(e *entry) (bool, error) {
		if !bytes.HasPrefix(e.word, p.begin) {
			return false, nil
		}
		if err := p.segment.openInto(&l, e); err != nil {
			return false, err
		}
		return true, do(&l)
	})
}

// documents calls do for the documents of a list with ordinals from one on to another one, if they
// have the word in the column.
func (p *prefix) documents(l *list, from, to uint32, do func(ordinal uint32) error) error {
	for at := from; ; at++ {
		var err error
		if at, err = l.seek(at); err != nil || at >= to {
			return err
		}
		if p.column != anyColumn {
			if p.buffer, err = l.appendTo(p.buffer[:0]); err != nil {
				return err
			}
			if !slices.ContainsFunc(p.buffer, func(at uint64) bool { return uint8(at>>columnShift) == p.column }) {
				continue
			}
		}
		if err := do(at); err != nil {
			return err
		}
	}
}

// mark marks the documents.
func (p *prefix) mark() error {
	if p.marked != nil {
		return nil
	}
	n := len(p.segment.rows)
	p.marked, p.sizes = make([]uint64, (n+63)/64), make([]uint32, n)
	return p.lists(func(l *list) error {
		return p.documents(l, 0, none, func(at uint32) error {
			if int(at) >= n {
				return ErrFormat
			}
			p.marked[at/64] |= 1 << (at % 64)
			p.sizes[at] += uint32(l.size)
			return nil
		})
	})
}

func (p *prefix) seek(ordinal uint32) (uint32, error) {
	if err := p.mark(); err != nil {
		return none, err
	}
	p.at = max(p.at, ordinal)
	for int(p.at) < len(p.segment.rows) {
		if left := p.marked[p.at/64] >> (p.at % 64); left != 0 {
			p.at += uint32(bits.TrailingZeros64(left))
			return p.at, nil
		}
		p.at = p.at&^63 + 64
	}
	p.at = none
	return none, nil
}

func (p *prefix) appendTo(places []uint64) ([]uint64, error) {
	if p.at < p.from || p.at >= p.to {
		if err := p.window(); err != nil {
			return nil, err
		}
	}
	begin, i := uint32(0), p.at-p.from
	if i > 0 {
		begin = p.ends[i-1]
	}
	first := len(places)
	places = append(places, p.places[begin:p.ends[i]]...)
	slices.Sort(places[first:]) // they are of several words
	return places, nil
}

// window reads the places of documents from where the iterator is.
func (p *prefix) window() error {
	p.from, p.to, p.ends = p.at, p.at, p.ends[:0]
	sum := 0
	for int(p.to) < len(p.sizes) && (sum == 0 || sum+int(p.sizes[p.to]) <= maxPlaces) {
		p.ends = append(p.ends, uint32(sum)) // where they begin
		sum += int(p.sizes[p.to])
		p.to++
	}
	if cap(p.places) < sum {
		p.places = make([]uint64, sum)
	}
	p.places = p.places[:sum]
	return p.lists(func(l *list) error {
		return p.documents(l, p.from, p.to, func(at uint32) (err error) {
			if p.buffer, err = l.appendTo(p.buffer[:0]); err != nil {
				return err
			}
			end := &p.ends[at-p.from]
			if int(*end)+len(p.buffer) > sum {
				return ErrFormat
			}
			*end += uint32(copy(p.places[*end:], p.buffer))
			return nil
		})
	})
}
