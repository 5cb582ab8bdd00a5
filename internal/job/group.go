package job

import (
	"cmp"
	"slices"
)

// Group holds the jobs for one repository.
type Group struct {
	Repository string // as --repo takes it; "": what is usual
	Jobs       []*Job
}

// Groups groups jobs by repository, in the order of the first job of each. repository overrides those of the
// configuration.
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
