package view

import (
	"cmp"
	"context"
	"slices"

	"github.com/mailstrata/mailstrata/archive/health"
)

// States returns how each account is doing, ascending by name. Damage that belongs to no account is returned by itself.
func (all Archives) States(ctx context.Context) (states []*health.Account, damage []error, err error) {
	seen := make(map[string]bool)
	for _, a := range all {
		found, more, err := health.Accounts(ctx, a.repo, nil)
		if err != nil {
			return nil, nil, err
		}
		damage = append(damage, more...)
		for _, s := range found {
			if !seen[s.Name] {
				seen[s.Name] = true
				states = append(states, s)
			}
		}
	}
	slices.SortFunc(states, func(a, b *health.Account) int { return cmp.Compare(a.Name, b.Name) })
	return states, damage, nil
}
