package wire

import (
	"slices"

	"github.com/mailstrata/mailstrata/mail"
)

// UIDCollector collects UIDs in any order. UIDs that come out of order are sorted in many at a time, because a server
// may send all of them backwards. It holds no more than maxRanges ranges.
type UIDCollector struct {
	sorted mail.UIDSet
	ranges int      // an upper bound of the ranges of sorted
	last   mail.UID // of sorted
	loose  map[mail.UID]mail.UID
}

// maxLoose is the number of ranges that wait to be sorted in.
const maxLoose = 1 << 16

func (u *UIDCollector) Add(r mail.UIDRange) error {
	if r.Last < r.First {
		return nil
	}
	if uint64(r.First) > uint64(u.last) {
		if uint64(r.First) > uint64(u.last)+1 {
			u.ranges++
		}
		u.sorted.AddRange(r)
		u.last = r.Last
	} else if r.First != r.Last || !u.Contains(r.First) {
		if u.loose == nil {
			u.loose = map[mail.UID]mail.UID{}
		}
		u.loose[r.First] = max(u.loose[r.First], r.Last)
	}
	if len(u.loose) >= maxLoose || u.ranges > maxRanges {
		u.sort()
		if u.ranges > maxRanges {
			return Flood("more than %d separate ranges of UIDs in one answer", maxRanges)
		}
	}
	return nil
}

func (u *UIDCollector) Contains(uid mail.UID) bool {
	if u.sorted.Contains(uid) {
		return true
	}
	last, found := u.loose[uid]
	return found && last >= uid
}

// sort merges the UIDs that came out of order.
func (u *UIDCollector) sort() {
	firsts := make([]mail.UID, 0, len(u.loose))
	for first := range u.loose {
		firsts = append(firsts, first)
	}
	slices.Sort(firsts)
	var merged mail.UIDSet
	u.ranges, u.last = 0, 0
	put := func(r mail.UIDRange) {
		if uint64(r.First) > uint64(u.last)+1 {
			u.ranges++
		}
		if r.Last > u.last {
			merged.AddRange(r)
			u.last = r.Last
		}
	}
	for r := range u.sorted.Ranges() {
		for len(firsts) > 0 && firsts[0] < r.First {
			put(mail.UIDRange{First: firsts[0], Last: u.loose[firsts[0]]})
			firsts = firsts[1:]
		}
		put(r)
	}
	for _, first := range firsts {
		put(mail.UIDRange{First: first, Last: u.loose[first]})
	}
	u.sorted, u.loose = merged, nil
}

// Set returns all UIDs that were added.
func (u *UIDCollector) Set() mail.UIDSet {
	if len(u.loose) > 0 {
		u.sort()
	}
	return u.sorted
}

// AddAll adds a set.
func (u *UIDCollector) AddAll(set mail.UIDSet) error {
	for r := range set.Ranges() {
		if err := u.Add(r); err != nil {
			return err
		}
	}
	return nil
}
