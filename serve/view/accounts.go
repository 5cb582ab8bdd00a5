package view

import (
	"cmp"
	"context"
	"slices"

	"github.com/mailstrata/mailstrata/archive/health"
	"github.com/mailstrata/mailstrata/internal/inorder"
	"github.com/mailstrata/mailstrata/repo"
)

// States returns how each account is doing, ascending by name. Damage that belongs to no account is
// returned by itself.
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

// Check is when a rolling check last read mail of an archive.
type Check struct {
	*Archive
	Last repo.PastCheck // its time is zero if there was none
	Err  error          // why Last is not known
}

// Checks returns when mail of each archive was last read by a rolling check.
func (all Archives) Checks(ctx context.Context) (checks []Check) {
	read := func(ctx context.Context, a *Archive) (Check, error) {
		last, _, err := health.LastRead(ctx, a.repo)
		return Check{a, last, err}, nil
	}
	for c, err := range inorder.Map(ctx, max(len(all), 1), inorder.Slice(all), read) {
		if err == nil {
			checks = append(checks, c)
		}
	}
	return checks
}
