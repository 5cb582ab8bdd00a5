package fulltext

import (
	"context"
	"slices"

	"github.com/mailstrata/mailstrata/chunk"
)

// Of more members than manyMembers, the rows are not looked up at first, because that alone would take longer than a search. The
// first maxWalked rows that match are compared with the members. Most searches end there.
const (
	manyMembers = 2000
	maxWalked   = 20_000
)

// maxPassed is how many rows that are not members are passed over before the search jumps to the next member. A jump costs
// about as much as that.
const maxPassed = 30

// readWithin reads the next n hits among the members, or those that are left. After the first rows, it neither walks all
// messages that match nor asks for each member: it goes through both in order, and jumps over what is not in the other.
func (s *search) readWithin(ctx context.Context, d *database, n int) (hits []Hit, err error) {
	if len(s.bounds.Within) > manyMembers && s.walked < maxWalked {
		if s.among == nil {
			s.among = make(map[chunk.ID]bool, len(s.bounds.Within))
			for _, id := range s.bounds.Within {
				s.among[id] = true
			}
		}
		return s.walk(ctx, d, n, s.among)
	}
	s.among = nil
	if s.members == nil || s.generation != d.file.Generation() {
		if err := s.findMembers(ctx, d); err != nil {
			return nil, err
		}
	}
	members := s.members
	for len(members) > 0 && len(hits) < n {
		passed, stopped := 0, false
		_, err := s.rows(ctx, d, members[0], forever, func(r *row) bool {
			for len(members) > 0 && members[0] > r.id {
				members = members[1:]
			}
			if len(members) == 0 || members[0] < r.id {
				passed++
				stopped = passed > maxPassed
				return len(members) > 0 && !stopped
			}
			members, passed = members[1:], 0
			if s.fits(r) {
				hits = append(hits, r.Hit)
			}
			stopped = len(hits) == n
			return !stopped
		})
		if err != nil {
			return nil, err
		}
		if !stopped {
			members = nil // no row is left
		}
	}
	if s.done = len(members) == 0; !s.done {
		s.members, s.high = members, members[0]
	}
	return hits, nil
}

// findMembers finds the rows of bounds.Within.
func (s *search) findMembers(ctx context.Context, d *database) error {
	members := []int64{}
	for i := range s.bounds.Within {
		r, err := d.find(ctx, &s.bounds.Within[i])
		if err != nil {
			return err
		}
		if r.found && s.low <= r.id && r.id <= s.high {
			members = append(members, r.id)
		}
	}
	slices.Sort(members)
	members = slices.Compact(members)
	slices.Reverse(members)
	s.members, s.generation = members, d.file.Generation()
	return nil
}
