package view

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/manifest"
)

// State is how an account is doing.
type State struct {
	Account  string
	Newest   archive.Summary // the newest manifest that can be read
	LastGood time.Time       // of the newest complete manifest without failures, alarms and losses; zero if there is none
	Lost     []string        // losses of a recent manifest that have no alarm
	Damage   []error         // of recent manifests that cannot be read
}

// States returns the state of each account, ascending by name. Damage that belongs to no account is returned by itself.
func (all Archives) States(ctx context.Context) (states []*State, damage []error, err error) {
	seen := make(map[string]bool)
	for _, a := range all {
		found, more, err := a.states(ctx)
		if err != nil {
			return nil, nil, err
		}
		damage = append(damage, more...)
		for _, s := range found {
			if !seen[s.Account] {
				seen[s.Account] = true
				states = append(states, s)
			}
		}
	}
	slices.SortFunc(states, func(a, b *State) int { return cmp.Compare(a.Account, b.Account) })
	return states, damage, nil
}

func (a *Archive) states(ctx context.Context) (states []*State, damage []error, err error) {
	byFolder := make(map[string]*State)
	unread := make(map[string][]error)
	var recent []archive.Summary
	var histories archive.Histories
	for s, err := range archive.Recent(ctx, a.repo, nil) {
		switch {
		case ctx.Err() != nil || err != nil && s.Head.Name == "":
			return nil, nil, cmp.Or(context.Cause(ctx), err)
		case err != nil:
			unread[s.Head.Account] = append(unread[s.Head.Account], err)
			continue
		}
		histories.Add(s)
		recent = append(recent, s)
		if byFolder[s.Head.Account] == nil {
			state := &State{Account: s.Manifest.Account, Newest: s}
			byFolder[s.Head.Account], states = state, append(states, state)
		}
	}
	lost, err := histories.Shrunk(ctx, a.repo, nil)
	if err != nil {
		if archive.UnlessDamage(err) != nil || ctx.Err() != nil {
			return nil, nil, err
		}
		damage = append(damage, err)
	}
	lacks := make(map[string]bool)
	for _, u := range lost {
		lacks[u.Head.Name] = true
		state := byFolder[u.Head.Account]
		state.Lost = append(state.Lost, u.String())
	}
	for _, s := range recent {
		state, m := byFolder[s.Head.Account], s.Manifest
		good := m.State == manifest.Complete && m.Totals.Failures == 0 && len(m.Alarm) == 0 && !lacks[s.Head.Name]
		if good && state.LastGood.IsZero() {
			state.LastGood = s.Head.Time
		}
	}
	for folder, errs := range unread {
		if state := byFolder[folder]; state != nil {
			state.Damage = errs
		} else {
			damage = append(damage, errs...)
		}
	}
	return states, damage, nil
}
