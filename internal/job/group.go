package job

import (
	"cmp"
	"slices"
)

// Group is the orders for one repository.
type Group struct {
	Repository string // as --repo takes it; "": what is usual
	Jobs       []*Job
}

// stacks sorts orders by repository, in the order in which these are met first.
func Groups(orders []*Job, repository string) (stacks []*Group) {
	for _, o := range orders {
		name := cmp.Or(repository, o.Configured.Repository)
		i := slices.IndexFunc(stacks, func(s *Group) bool { return s.Repository == name })
		if i < 0 {
			i = len(stacks)
			stacks = append(stacks, &Group{Repository: name})
		}
		stacks[i].Jobs = append(stacks[i].Jobs, o)
	}
	return stacks
}
