package fulltext

import (
	"context"
	"slices"

	"github.com/mailstrata/mailstrata/chunk"
)

// Of more members than manyMembers, the rows are not looked up at first, because that alone would
// take longer than a search. The first maxWalked rows that match are compared with the members.
// Most searches end there.
const (
	manyMembers = 2000
	maxWalked   = 20_000
)

// readWithin reads the next n hits among the members, or those that are left.
func (s *search) readWithin(ctx context.Context, d *database, n int) (hits []Hit, err error) {
	if len(s.bounds.Within) > manyMembers && s.walked < maxWalked {
		if s.among == nil {
			s.among = make(map[chunk.ID]bool, len(s.bounds.Within))
			for _, id := range s.bounds.Within {
				s.among[id] = true
			}
		}
		return s.take(ctx, d, n, s.among)
	}
	if s.members == nil || s.generation != d.file.Generation() {
		s.among, s.current = nil, nil
		if err := s.findMembers(ctx, d); err != nil {
			return nil, err
		}
	}
	return s.take(ctx, d, n, nil)
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
