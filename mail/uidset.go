package mail

import (
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
)

// UIDRange is the UIDs from First to Last, inclusive. It is empty if Last < First.
type UIDRange struct{ First, Last UID }

// Contains reports whether uid is in the range.
func (r UIDRange) Contains(uid UID) bool { return r.First <= uid && uid <= r.Last }

// Len returns the number of UIDs in the range.
func (r UIDRange) Len() int64 { return max(0, int64(r.Last)-int64(r.First)+1) }

// UIDSet is a set of UIDs, kept as ascending ranges that neither overlap nor touch. A mailbox of a
// million messages without a gap is one range. The zero value is the empty set.
type UIDSet struct{ ranges []UIDRange }

// UIDs returns the set of the given UIDs.
func UIDs(uids ...UID) UIDSet {
	var s UIDSet
	for _, uid := range slices.Sorted(slices.Values(uids)) {
		s.AddRange(UIDRange{uid, uid})
	}
	return s
}

// Add adds one UID to the set.
func (s *UIDSet) Add(uid UID) { s.AddRange(UIDRange{uid, uid}) }

// AddRange adds a range to the set. Adding in ascending order needs no search.
func (s *UIDSet) AddRange(r UIDRange) {
	if r.Last < r.First {
		return
	}
	// ranges[i:j] overlap or touch r
	n := len(s.ranges)
	i := n
	if n > 0 && uint64(s.ranges[n-1].Last)+1 >= uint64(r.First) {
		i, _ = slices.BinarySearchFunc(s.ranges, r.First, func(have UIDRange, first UID) int {
			if uint64(have.Last)+1 < uint64(first) {
				return -1
			}
			return 1
		})
	}
	j := i
	for j < n && uint64(s.ranges[j].First) <= uint64(r.Last)+1 {
		r.First, r.Last = min(r.First, s.ranges[j].First), max(r.Last, s.ranges[j].Last)
		j++
	}
	s.ranges = slices.Replace(s.ranges, i, j, r)
}

// Contains reports whether uid is in the set.
func (s UIDSet) Contains(uid UID) bool {
	_, found := slices.BinarySearchFunc(s.ranges, uid, func(r UIDRange, uid UID) int {
		switch {
		case r.Last < uid:
			return -1
		case r.First > uid:
			return 1
		}
		return 0
	})
	return found
}

// Len returns the number of UIDs in the set.
func (s UIDSet) Len() int64 {
	var n int64
	for _, r := range s.ranges {
		n += r.Len()
	}
	return n
}

// In returns the UIDs of the set that are in a range.
func (s UIDSet) In(r UIDRange) UIDSet {
	first, _ := slices.BinarySearchFunc(s.ranges, r.First, func(have UIDRange, first UID) int {
		if have.Last < first {
			return -1
		}
		return 1
	})
	var part UIDSet
	for _, have := range s.ranges[first:] {
		if have.First > r.Last {
			break
		}
		part.AddRange(UIDRange{max(have.First, r.First), min(have.Last, r.Last)})
	}
	return part
}

// Union returns the UIDs that are in s or in other.
func (s UIDSet) Union(other UIDSet) UIDSet {
	all := UIDSet{slices.Clone(s.ranges)}
	for _, r := range other.ranges {
		all.AddRange(r)
	}
	return all
}

// Without returns the UIDs that are in s but not in other.
func (s UIDSet) Without(other UIDSet) UIDSet {
	var left UIDSet
	others := other.ranges
	for _, r := range s.ranges {
		for len(others) > 0 && others[0].Last < r.First {
			others = others[1:]
		}
		for _, o := range others {
			if o.First > r.Last || r.Last < r.First {
				break
			}
			if o.First > r.First {
				left.AddRange(UIDRange{r.First, o.First - 1})
			}
			if o.Last >= r.Last {
				r.First, r.Last = 1, 0 // nothing is left
				break
			}
			r.First = o.Last + 1
		}
		left.AddRange(r)
	}
	return left
}

// Ranges yields the ranges of the set in ascending order.
func (s UIDSet) Ranges() iter.Seq[UIDRange] { return slices.Values(s.ranges) }

// All yields the UIDs in ascending order.
func (s UIDSet) All() iter.Seq[UID] {
	return func(yield func(UID) bool) {
		for _, r := range s.ranges {
			for uid := uint64(r.First); uid <= uint64(r.Last); uid++ {
				if !yield(UID(uid)) {
					return
				}
			}
		}
	}
}

// String returns the set as a sequence-set (RFC 9051 section 9), such as "1:3,7". ParseUIDSet
// inverts it.
func (s UIDSet) String() string {
	var b strings.Builder
	for i, r := range s.ranges {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.FormatUint(uint64(r.First), 10))
		if r.Last != r.First {
			b.WriteByte(':')
			b.WriteString(strconv.FormatUint(uint64(r.Last), 10))
		}
	}
	return b.String()
}

// ParseUIDSet parses a sequence-set as servers send it: numbers and ranges in any order and
// direction, without "*".
func ParseUIDSet(text string) (UIDSet, error) {
	var s UIDSet
	if text == "" {
		return s, nil
	}
	for item := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(item, ":")
		if !isRange {
			last = first
		}
		a, errA := strconv.ParseUint(first, 10, 32)
		b, errB := strconv.ParseUint(last, 10, 32)
		if errA != nil || errB != nil || a == 0 || b == 0 {
			return UIDSet{}, fmt.Errorf("%q is not a set of UIDs", item)
		}
		s.AddRange(UIDRange{UID(min(a, b)), UID(max(a, b))})
	}
	return s, nil
}
