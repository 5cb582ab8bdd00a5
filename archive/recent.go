package archive

import (
	"context"
	"iter"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mailstrata/mailstrata/archive/loss"
	"github.com/mailstrata/mailstrata/internal/inorder"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// Recent yields the manifests that show how each account is doing: those of Manifests from the
// newest back to the last good one, and to the complete one before that. A good manifest is
// complete, names no failure and no alarm, and has about as many messages as the one before it, so
// that it lacks no mail (Histories.Shrunk). If no manifest of an account is good, Recent yields all
// of them. Errors are those of Manifests.
//
// Of a thousand accounts and a year of nights it reads two thousand manifests, where Manifests
// reads 365 thousand.
func Recent(ctx context.Context, r *repo.Repo, limits Limits) iter.Seq2[Summary, error] {
	return RecentAndEarlier(ctx, r, limits, time.Time{}, nil)
}

// RecentAndEarlier is Recent. It also reads one manifest of each account that was complete at an
// earlier time or up to a week before that, if there is one, and calls earlier with it before the
// account is yielded.
func RecentAndEarlier(
	ctx context.Context, r *repo.Repo, limits Limits, at time.Time, earlier func(Summary),
) iter.Seq2[Summary, error] {
	limits = limits.oneByOne()
	read := func(ctx context.Context, heads []repo.Head) (a recentAccount, err error) {
		group, ctx := errgroup.WithContext(ctx)
		group.Go(func() (err error) {
			a.results, err = readRecent(ctx, r, limits, heads)
			return err
		})
		if earlier != nil {
			group.Go(func() (err error) {
				a.earlier, err = readEarlier(ctx, r, heads, at)
				return err
			})
		}
		return a, group.Wait()
	}
	return func(yield func(Summary, error) bool) {
		for account, err := range inorder.Map(ctx, readAhead, headsByAccount(r.Manifests(ctx)), read) {
			if err != nil {
				yield(Summary{}, err)
				return
			}
			if account.earlier.Manifest != nil {
				earlier(account.earlier)
			}
			for _, found := range account.results {
				if !yield(found.Summary, found.err) {
					return
				}
			}
		}
	}
}

// recentAccount is what was read of an account.
type recentAccount struct {
	results []recentResult
	earlier Summary // its Manifest is nil if there is none
}

// earlierTries is how many manifests are read to find a complete one.
const earlierTries = 3

// readEarlier returns the manifest of an account that was the newest complete one at a time, unless
// it is more than a week older.
func readEarlier(ctx context.Context, r *repo.Repo, heads []repo.Head, at time.Time) (Summary, error) {
	tries := 0
	for _, head := range heads {
		if head.Time.After(at) || !head.Committed() {
			continue
		}
		if tries++; tries > earlierTries || at.Sub(head.Time) > 7*24*time.Hour {
			break
		}
		s, err := summarize(ctx, r, head)
		if ctx.Err() != nil {
			return Summary{}, context.Cause(ctx)
		}
		if err == nil && !s.Head.Late && s.Manifest.State == manifest.Complete {
			return s, nil
		}
	}
	return Summary{}, nil
}

// oneByOne returns Limits that several goroutines may call.
func (l Limits) oneByOne() Limits {
	if l == nil {
		return nil
	}
	var mu sync.Mutex
	return func(account string) func(*mail.Mailbox) loss.Limit {
		mu.Lock()
		defer mu.Unlock()
		return l(account)
	}
}

// recentResult is a manifest, or a Head and why its manifest cannot be read.
type recentResult struct {
	Summary
	err error
}

// headsByAccount yields the unmarked manifests of each account. An error ends it.
func headsByAccount(heads iter.Seq2[repo.Head, error]) iter.Seq2[[]repo.Head, error] {
	return func(yield func([]repo.Head, error) bool) {
		var account []repo.Head
		for head, err := range heads {
			switch {
			case err != nil:
				yield(nil, err)
				return
			case head.Marked:
				continue
			case len(account) > 0 && account[0].Account != head.Account:
				if !yield(account, nil) {
					return
				}
				account = nil
			}
			account = append(account, head)
		}
		if len(account) > 0 {
			yield(account, nil)
		}
	}
}

// readRecent reads the manifests of an account, the newest first, until they settle which is the
// last good one.
func readRecent(ctx context.Context, r *repo.Repo, limits Limits, heads []repo.Head) (all []recentResult, err error) {
	var account []Decision
	for i, head := range heads {
		s, err := summarize(ctx, r, head)
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case err == nil && s.Head.Late:
			continue
		}
		if all = append(all, recentResult{s, err}); err != nil {
			continue
		}
		account = append(account, Decision{Head: s.Head, Manifest: outline(s.Manifest)})
		if settled(account, limits) && !mayBeBeside(s, heads[i+1:]) {
			break
		}
	}
	return all, nil
}

// mayBeBeside reports whether the next manifest was put while the run of another was under way
// (history.Beside).
func mayBeBeside(s Summary, older []repo.Head) bool {
	return len(older) > 0 && older[0].Time.After(s.Manifest.Start) && older[0].ID != s.Manifest.Parent
}

// settled reports whether one of an account's manifests is good, and so are all manifests with
// which it must be compared.
func settled(account []Decision, limits Limits) bool {
	for i := range account {
		now := &account[i]
		before := predecessors(account, i)
		if !now.isComplete() || len(now.Manifest.Alarm) > 0 || now.Manifest.Totals.Failures > 0 || len(before) == 0 {
			continue
		}
		direct := completeBefore(account, i)
		last := &account[direct[len(direct)-1]]
		good := now.Head.Belated() || !last.Head.Belated() // otherwise an earlier one that came in time counts, too
		for _, n := range before {
			good = good && !mayLack(limits, &account[n], now)
		}
		if good {
			return true
		}
	}
	return false
}

// mayLack reports whether a manifest has so many fewer messages than the one before that it may be
// a loss.
func mayLack(limits Limits, before, now *Decision) bool {
	limit := loss.Usual
	if limits != nil {
		limit = limits(now.Manifest.Account)(nil)
	}
	had, has := before.Manifest.Totals.Messages, now.Manifest.Totals.Messages
	return limit.Exceeded(had, had-has) || has == 0 && had > 0 && !limit.Off
}
