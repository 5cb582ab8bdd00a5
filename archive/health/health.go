// Package health says how the accounts of a repository are doing: when each was last archived well,
// and what is wrong since.
package health

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

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
	Good     archive.Summary // the newest good one; its Manifest is nil if there is none
	LastGood time.Time       // of Good: the newest complete manifest without failures, alarms and losses; zero if there is none
	Alarms   []Alarm         // that nobody has acknowledged, however old; the newest first
	Lost     []string        // losses of a recent manifest that have no alarm
	Damage   []error         // of recent manifests that cannot be read
	Growth   *Growth         // of the last month; nil: not known
}

// Growth is how much larger an account is in its newest manifest than in that of a month before. It
// is negative if the account got smaller.
type Growth struct{ Messages, Bytes int64 }

// Alarm is what the alarms of a manifest say.
type Alarm struct {
	Head  repo.Head
	Texts []string
}

// AlarmTexts returns the sentences of all alarms of an account.
func (a *Account) AlarmTexts() (texts []string) {
	for _, alarm := range a.Alarms {
		texts = append(texts, alarm.Texts...)
	}
	return texts
}

// Accounts returns the accounts of a repository, ascending by name. It reads the manifests of
// archive.Recent, with these limits, and those of archive.StandingAlarms. Damage that belongs to no
// account is returned by itself.
func Accounts(
	ctx context.Context, r *repo.Repo, limits archive.Limits,
) (accounts []*Account, damage []error, err error) {
	s := survey{
		accounts: make(map[string]*Account), unread: make(map[string][]error),
		earlier: make(map[string]archive.Summary),
	}
	group, groupCtx := errgroup.WithContext(ctx)
	var standing []archive.Summary
	group.Go(func() (err error) {
		standing, damage, err = archive.StandingAlarms(groupCtx, r)
		return err
	})
	group.Go(func() error { return s.read(groupCtx, r, limits) })
	if err := group.Wait(); err != nil {
		return nil, nil, cmp.Or(context.Cause(ctx), err)
	}
	lacks, err := s.findLosses(ctx, r, limits)
	if err != nil {
		if archive.UnlessDamage(err) != nil || ctx.Err() != nil {
			return nil, nil, err
		}
		damage = append(damage, err)
	}
	s.judge(lacks)
	damage = slices.DeleteFunc(damage, s.isUnread)
	damage = append(damage, s.addAlarms(standing)...)
	if err := s.addUnlisted(ctx, r); err != nil {
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

// LastRead returns when a rolling check last read mail of a repository and ended without damage,
// from whichever host: a check that finds damage leaves no record. If shares are checked, it is the
// one of them that was checked longest ago. Shares of a division that hosts no longer use do not
// count, nor does a time in the future, which would hide that nothing is read. whole is false if
// some shares were never checked. The time is zero if no rolling check ended yet.
func LastRead(ctx context.Context, r *repo.Repo) (last repo.PastCheck, whole bool, err error) {
	checks, err := r.PastChecks(ctx)
	if err != nil {
		return last, false, err
	}
	for of, shares := range byDivision(checks) {
		oldest := slices.MinFunc(shares, func(a, b repo.PastCheck) int { return a.Time.Compare(b.Time) })
		complete := len(shares) == max(1, of)
		if last.Time.IsZero() || complete && !whole || complete == whole && oldest.Time.After(last.Time) {
			last, whole = oldest, complete
		}
	}
	return last, whole, nil
}

// byDivision returns the checks by the number of shares that theirs is one of.
func byDivision(checks []repo.PastCheck) map[int][]repo.PastCheck {
	divisions := make(map[int][]repo.PastCheck)
	for _, c := range checks {
		divisions[c.Of] = append(divisions[c.Of], c)
	}
	return divisions
}

// A survey collects the recent manifests. Its maps are by the folder of an account.
type survey struct {
	accounts  map[string]*Account
	unread    map[string][]error
	recent    []archive.Summary // of each account, the newest first
	earlier   map[string]archive.Summary
	histories archive.Histories
}

// Month is the time for which growth is counted.
const Month = 30 * 24 * time.Hour

// read reads the recent manifests, and those of a month ago.
func (s *survey) read(ctx context.Context, r *repo.Repo, limits archive.Limits) error {
	monthAgo := time.Now().Add(-Month)
	earlier := func(summary archive.Summary) { s.earlier[summary.Head.Account] = summary }
	for summary, err := range archive.RecentAndEarlier(ctx, r, limits, monthAgo, earlier) {
		switch {
		case ctx.Err() != nil || err != nil && summary.Head.Name == "":
			return cmp.Or(context.Cause(ctx), err)
		case err != nil:
			s.unread[summary.Head.Account] = append(s.unread[summary.Head.Account], err)
		default:
			s.add(summary)
		}
	}
	return nil
}

// isUnread reports whether an error is that of a recent manifest, which damages its account.
func (s *survey) isUnread(err error) bool {
	for _, errs := range s.unread {
		if slices.ContainsFunc(errs, func(other error) bool { return other.Error() == err.Error() }) {
			return true
		}
	}
	return false
}

func (s *survey) add(summary archive.Summary) {
	s.histories.Add(summary)
	s.recent = append(s.recent, summary)
	if s.accounts[summary.Head.Account] == nil {
		s.accounts[summary.Head.Account] = &Account{Name: summary.Manifest.Account, Newest: summary}
	}
}

// findLosses returns the names of the manifests that lack mail and have no alarm.
func (s *survey) findLosses(
	ctx context.Context, r *repo.Repo, limits archive.Limits,
) (lacks map[string]bool, err error) {
	lost, err := s.histories.Shrunk(ctx, r, limits)
	lacks = make(map[string]bool)
	for _, u := range lost {
		lacks[u.Head.Name] = true
		a := s.accounts[u.Head.Account]
		a.Lost = append(a.Lost, u.String())
	}
	return lacks, err
}

// judge finds the last good manifest of each account, and how much it grew.
func (s *survey) judge(lacks map[string]bool) {
	for _, summary := range s.recent {
		a, m := s.accounts[summary.Head.Account], summary.Manifest
		if a.LastGood.IsZero() && m.State == manifest.Complete && m.Totals.Failures == 0 && len(m.Alarm) == 0 &&
			!lacks[summary.Head.Name] {
			a.Good, a.LastGood = summary, summary.Head.Time
		}
	}
	for folder, before := range s.earlier {
		if a := s.accounts[folder]; a != nil {
			now, then := a.Newest.Manifest.Totals, before.Manifest.Totals
			a.Growth = &Growth{now.Messages - then.Messages, now.Bytes - then.Bytes}
		}
	}
}

// addAlarms adds alarms to their accounts. It returns those of accounts of which no recent manifest
// can be read.
func (s *survey) addAlarms(standing []archive.Summary) (others []error) {
	for _, summary := range standing {
		if a := s.accounts[summary.Head.Account]; a != nil {
			a.Alarms = append(a.Alarms, Alarm{summary.Head, summary.Manifest.Alarm})
		} else {
			others = append(others, fmt.Errorf("%s: an alarm of %s is not acknowledged: %s", summary.Manifest.Account,
				summary.Head.Time.UTC().Format(time.DateTime), summary.Manifest.Alarm[0]))
		}
	}
	return others
}

// addUnlisted adds alarms of recent manifests that are not listed as alarms, because a program
// before December 2026 wrote them: those since the last good manifest.
func (s *survey) addUnlisted(ctx context.Context, r *repo.Repo) error {
	var tags statement.Tags
	complete := make(map[*Account]bool) // the account has a later complete manifest, which took over alarms of checkpoints
	for _, summary := range s.recent {
		a, m := s.accounts[summary.Head.Account], summary.Manifest
		isListed := func(alarm Alarm) bool { return alarm.Head.Name == summary.Head.Name }
		covered := m.State != manifest.Complete && complete[a]
		complete[a] = complete[a] || m.State == manifest.Complete
		if len(m.Alarm) == 0 || covered || !summary.Head.Time.After(a.LastGood) ||
			slices.ContainsFunc(a.Alarms, isListed) {
			continue
		}
		if tags == nil {
			var err error
			if tags, _, err = r.ReadableTags(ctx); err != nil {
				return err
			}
		}
		if !slices.Contains(tags[summary.Head.Name], history.TagAcknowledged) {
			a.Alarms = append(a.Alarms, Alarm{summary.Head, m.Alarm})
		}
	}
	return nil
}
