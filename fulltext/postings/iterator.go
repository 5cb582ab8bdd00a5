package postings

import (
	"cmp"
	"slices"
)

// iterator goes through the ordinals of documents that match, in ascending order.
type iterator interface {
	// seek goes to the first ordinal that is at least this one, and returns it, or none. It never
	// goes back: if it is after the ordinal already, it stays.
	seek(ordinal uint32) (uint32, error)
	// cost says about how many documents match, so that the rarest is asked first.
	cost() int
}

// occurrences is an iterator that knows the places of a word.
type occurrences interface {
	iterator
	// appendTo adds the places in the document where the iterator is. They ascend.
	appendTo(places []uint64) ([]uint64, error)
}

// every matches all n documents.
type every struct{ at, n uint32 }

func (i *every) cost() int { return int(i.n) }

func (i *every) seek(ordinal uint32) (uint32, error) {
	if i.at = max(i.at, ordinal); i.at < i.n {
		return i.at, nil
	}
	return none, nil
}

// some matches some ordinals, which ascend.
type some struct{ left []uint32 }

func (i *some) cost() int { return len(i.left) }

func (i *some) seek(ordinal uint32) (uint32, error) {
	n := 0
	for n < len(i.left) && i.left[n] < ordinal {
		n++
	}
	if i.left = i.left[n:]; len(i.left) == 0 {
		return none, nil
	}
	return i.left[0], nil
}

// and matches what all of its parts match.
type and struct{ parts []iterator }

// newAnd returns an iterator over what all parts match.
func newAnd(parts []iterator) iterator {
	if len(parts) == 1 {
		return parts[0]
	}
	slices.SortStableFunc(parts, func(a, b iterator) int { return cmp.Compare(a.cost(), b.cost()) })
	return &and{parts}
}

func (i *and) cost() int { return i.parts[0].cost() }

func (i *and) seek(ordinal uint32) (uint32, error) {
next:
	for {
		first, err := i.parts[0].seek(ordinal)
		if err != nil || first == none {
			return none, err
		}
		for _, part := range i.parts[1:] {
			if ordinal, err = part.seek(first); err != nil || ordinal == none {
				return none, err
			}
			if ordinal != first {
				continue next
			}
		}
		return first, nil
	}
}

// or matches what one of its parts matches.
type or struct {
	parts []iterator
	at    []uint32 // of each, plus 1; 0 before the first call
}

func (i *or) cost() (sum int) {
	for _, part := range i.parts {
		sum += part.cost()
	}
	return sum
}

func (i *or) seek(ordinal uint32) (uint32, error) {
	if i.at == nil {
		i.at = make([]uint32, len(i.parts))
	}
	first := uint32(none)
	for n, part := range i.parts {
		if i.at[n] <= ordinal {
			at, err := part.seek(ordinal)
			if err != nil {
				return none, err
			}
			i.at[n] = min(at, none-1) + 1
		}
		if i.at[n] < none {
			first = min(first, i.at[n]-1)
		}
	}
	return first, nil
}

// not matches what one iterator matches and another one does not.
type not struct {
	iterator
	except iterator
}

func (i *not) seek(ordinal uint32) (uint32, error) {
	for {
		at, err := i.iterator.seek(ordinal)
		if err != nil || at == none {
			return none, err
		}
		except, err := i.except.seek(at)
		if err != nil || except != at {
			return at, err
		}
		ordinal = at + 1
	}
}

// anyColumn stands for all columns.
const anyColumn = 0xff

// phrase matches documents that have words one after the other, in a column or in any.
type phrase struct {
	iterator // over the documents that have all words
	words    []*phraseWord
	column   uint8
	at       uint32 // plus 1; 0 before the first call
}

// phraseWord is a word of a phrase. The words are sorted by how many documents have them.
type phraseWord struct {
	occurrences
	index  uint64 // in the phrase
	places []uint64
}

// newPhrase returns an iterator over a phrase.
func newPhrase(all []occurrences, column uint8) *phrase {
	p := &phrase{column: column}
	var parts []iterator
	for i, o := range all {
		parts = append(parts, o)
		p.words = append(p.words, &phraseWord{occurrences: o, index: uint64(i)})
	}
	p.iterator = newAnd(parts)
	slices.SortStableFunc(p.words, func(a, b *phraseWord) int { return cmp.Compare(a.cost(), b.cost()) })
	return p
}

func (p *phrase) seek(ordinal uint32) (uint32, error) {
	if p.at > ordinal {
		return p.at - 1, nil
	}
	for {
		at, err := p.iterator.seek(ordinal)
		if err != nil || at == none {
			return none, err
		}
		if matches, err := p.matches(); err != nil || matches {
			p.at = at + 1
			return at, err
		}
		ordinal = at + 1
	}
}

// matches reports whether the document that has all words has them one after the other. It reads
// the places of a word only if those before it can be those of the phrase.
func (p *phrase) matches() (bool, error) {
	var begins []uint64 // where the phrase can begin, after the words that were looked at
	for n, w := range p.words {
		var err error
		if w.places, err = w.appendTo(w.places[:0]); err != nil {
			return false, err
		}
		if n == 0 {
			begins = w.places[:0]
			for _, at := range w.places {
				if uint64(uint32(at)) >= w.index && (p.column == anyColumn || uint8(at>>columnShift) == p.column) {
					begins = append(begins, at-w.index)
				}
			}
		} else {
			begins = both(begins, w.places, w.index)
		}
		if len(begins) == 0 {
			return false, nil
		}
	}
	return true, nil
}

// both keeps those of the begins after which a place lies by a distance.
func both(begins, places []uint64, distance uint64) []uint64 {
	kept := begins[:0]
	for _, at := range begins {
		for len(places) > 0 && places[0] < at+distance {
			places = places[1:]
		}
		if len(places) == 0 {
			break
		}
		if places[0] == at+distance {
			kept = append(kept, at)
		}
	}
	return kept
}
