// Package health says how the accounts of a repository are doing: when each was last archived well, and what is wrong since.
package health

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/statement"
)

// Account is how an account is doing.
type Account struct {
	Name     string
	Newest   archive.Summary // the newest manifest that can be read
	LastGood time.Time       // of the newest complete manifest without failures, alarms and losses; zero if there is none
	Alarms   []string        // of newer manifests than that, without those that were acknowledged
	Lost     []string        // losses of a recent manifest that have no alarm
	Damage   []error         // of recent manifests that cannot be read
}

// Accounts returns the accounts of a repository, ascending by name. It reads the manifests of archive.Recent, with these limits.
// Damage that belongs to no account is returned by itself.
func Accounts(ctx context.Context, r *repo.Repo, limits archive.Limits) (accounts []*Account, damage []error, err error) {
	s := survey{accounts: make(map[string]*Account), unread: make(map[string][]error)}
	for summary, err := range archive.Recent(ctx, r, limits) {
		switch {
		case ctx.Err() != nil || err != nil && summary.Head.Name == "":
			return nil, nil, cmp.Or(context.Cause(ctx), err)
		case err != nil:
			s.unread[summary.Head.Account] = append(s.unread[summary.Head.Account], err)
		default:
			s.add(summary)
		}
	}
	lacks, err := s.findLosses(ctx, r, limits)
	if err != nil {
		if archive.UnlessDamage(err) != nil || ctx.Err() != nil {
			return nil, nil, err
		}
		damage = append(damage, err)
	}
	if err := s.judge(ctx, r, lacks); err != nil {
		return nil, nil, err
	}
	for folder, errs := range s.unread {
		if a := s.accounts[folder]; a != nil {
			a.Damage = append(a.Damage, errs...)
		} else {
			damage = append(damage, errs...)
		}
	}
	for _, a := range s.accounts {
		accounts = append(accounts, a)
	}
	slices.SortFunc(accounts, func(a, b *Account) int { return cmp.Compare(a.Name, b.Name) })
	return accounts, damage, nil
}

// LastRead returns when a rolling check last read mail of a repository. If shares of it are checked, it returns the share that has
// waited for longest. The time is zero if there was no rolling check.
func LastRead(ctx context.Context, r *repo.Repo) (last repo.PastCheck, err error) {
	checks, err := r.PastChecks(ctx)
	if err != nil || len(checks) == 0 {
		return last, err
	}
	return slices.MinFunc(checks, func(a, b repo.PastCheck) int { return a.Time.Compare(b.Time) }), nil
}

// A survey collects the recent manifests. Its maps are by the folder of an account.
type survey struct {
	accounts  map[string]*Account
	unread    map[string][]error
	recent    []archive.Summary // of each account, the newest first
	histories archive.Histories
}

func (s *survey) add(summary archive.Summary) {
	s.histories.Add(summary)
	s.recent = append(s.recent, summary)
	if s.accounts[summary.Head.Account] == nil {
		s.accounts[summary.Head.Account] = &Account{Name: summary.Manifest.Account, Newest: summary}
	}
}

// findLosses returns the names of the manifests that lack mail and have no alarm.
func (s *survey) findLosses(ctx context.Context, r *repo.Repo, limits archive.Limits) (lacks map[string]bool, err error) {
	lost, err := s.histories.Shrunk(ctx, r, limits)
	lacks = make(map[string]bool)
	for _, u := range lost {
		lacks[u.Head.Name] = true
		a := s.accounts[u.Head.Account]
		a.Lost = append(a.Lost, u.String())
	}
	return lacks, err
}

// judge finds the last good manifest of each account, and the alarms since.
func (s *survey) judge(ctx context.Context, r *repo.Repo, lacks map[string]bool) error {
	var tags statement.Tags
	for _, summary := range s.recent {
		a, m := s.accounts[summary.Head.Account], summary.Manifest
		if !a.LastGood.IsZero() {
			continue
		}
		if len(m.Alarm) > 0 && tags == nil {
			all, damaged, err := r.ReadableTags(ctx)
			if err != nil {
				return err
			}
			tags = all
			if damaged != nil { // an acknowledgement may be in it, so the alarm is repeated
				a.Damage = append(a.Damage, damaged)
			}
		}
		switch {
		case len(m.Alarm) > 0 && !slices.Contains(tags[summary.Head.Name], history.TagAcknowledged):
			a.Alarms = append(a.Alarms, m.Alarm...)
		case m.State == manifest.Complete && m.Totals.Failures == 0 && len(m.Alarm) == 0 && !lacks[summary.Head.Name]:
			a.LastGood = summary.Head.Time
		}
	}
	return nil
}
