package command

import (
	"cmp"
	"math"
	"slices"
)

// Star is "*" in a set: the largest number in use.
const Star = math.MaxUint32

// Range is a range of a Set. Either end may be Star, and First may be above Last.
type Range struct{ First, Last uint32 }

// Set is a set of sequence numbers or UIDs (RFC 3501 section 9, sequence-set), as it was written.
type Set []Range

// set parses a set.
func (s *Scanner) set() (set Set, err error) {
	for {
		var r Range
		if r.First, err = s.setNumber(); err != nil {
			return nil, err
		}
		r.Last = r.First
		if s.take(':') {
			if r.Last, err = s.setNumber(); err != nil {
				return nil, err
			}
		}
		if set = append(set, r); !s.take(',') {
			return set, nil
		}
	}
}

func (s *Scanner) setNumber() (uint32, error) {
	if s.take('*') {
		return Star, nil
	}
	n, err := s.number()
	if err == nil && n == 0 {
		err = syntax("0 is not the number of a message")
	}
	return uint32(n), err
}

// Resolve returns the ranges with their ends in order. largest is the number that "*" stands for.
// It is 0 if there is no message; then "*" stands for nothing.
func (set Set) Resolve(largest uint32) []Range {
	ranges := make([]Range, 0, len(set))
	for _, r := range set {
		if (r.First == Star || r.Last == Star) && largest == 0 {
			continue
		}
		if r.First == Star {
			r.First = largest
		}
		if r.Last == Star {
			r.Last = largest
		}
		ranges = append(ranges, Range{min(r.First, r.Last), max(r.First, r.Last)})
	}
	return ranges
}

// Merge sorts ranges of Resolve and joins those that overlap or follow each other. It changes the
// slice.
func Merge(ranges []Range) []Range {
	slices.SortFunc(ranges, func(a, b Range) int { return cmp.Compare(a.First, b.First) })
	merged := ranges[:0]
	for _, r := range ranges {
		if last := len(merged) - 1; last >= 0 && (r.First <= merged[last].Last || r.First-1 == merged[last].Last) {
			merged[last].Last = max(merged[last].Last, r.Last)
		} else {
			merged = append(merged, r)
		}
	}
	return merged
}
