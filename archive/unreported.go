package archive

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/statement"
)

// Unreported is a manifest that lacks mail of an earlier one, beyond the limits, and neither has an
// alarm nor is acknowledged. A backup does not write such manifests, because it compares first. A
// thief of a writer's key can.
type Unreported struct {
	Head, Before repo.Head
	Account      string
	Lost         []string // what the comparison says
}

// Histories finds unreported losses among the manifests of accounts. The zero value has no
// manifests.
type Histories struct {
	accounts []string // folders, as they were added
	of       map[string][]Decision
}

// Add adds a committed manifest. Those of an account must be added from the newest to the oldest.
func (h *Histories) Add(s Summary) {
	if h.of == nil {
		h.of = make(map[string][]Decision)
	}
	folder := s.Head.Account
	if h.of[folder] == nil {
		h.accounts = append(h.accounts, folder)
	}
	h.of[folder] = append(h.of[folder], Decision{Head: s.Head, Manifest: outline(s.Manifest)})
}

// Since finds the unreported losses of manifests after a time, by comparing each with those before
// it.
func (h *Histories) Since(ctx context.Context, r *repo.Repo, limits Limits, after time.Time) ([]Unreported, error) {
	return h.find(ctx, r, limits, func(_, now *Decision) bool { return now.Head.Time.After(after) })
}

// Shrunk finds the unreported losses of manifests with so many fewer messages than the one before
// that it may be a loss. Only these are read and compared: perhaps only copies are gone, or the
// mailboxes of a search.
func (h *Histories) Shrunk(ctx context.Context, r *repo.Repo, limits Limits) ([]Unreported, error) {
	return h.find(ctx, r, limits, func(before, now *Decision) bool { return mayLack(limits, before, now) })
}

// lossOf finds the unreported loss of a manifest of which the content is given. It reads the
// manifests of the account back to the last one before its run. If there is no loss, the result is
// nil.
func lossOf(ctx context.Context, r *repo.Repo, of Summary, limits Limits) (*Unreported, error) {
	histories, err := backFrom(ctx, r, of)
	if err != nil {
		return nil, err
	}
	found, err := histories.find(ctx, r, limits, func(_, now *Decision) bool { return now.Head.Name == of.Head.Name })
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

// LostBefore returns what a manifest lost, beyond the limits, since those with which it is
// compared, whatever its alarm says: its writer wrote that. It reads what lossOf reads.
func LostBefore(ctx context.Context, r *repo.Repo, of Summary, limits Limits) ([]string, error) {
	histories, err := backFrom(ctx, r, of)
	if err != nil {
		return nil, err
	}
	finder, err := newLossFinder(ctx, r, limits)
	if err != nil {
		return nil, err
	}
	return finder.before(ctx, histories.of[of.Head.Account], 0)
}

// backFrom reads the manifests of an account from one of them back to the last one before its run.
func backFrom(ctx context.Context, r *repo.Repo, of Summary) (*Histories, error) {
	histories := new(Histories)
	histories.Add(of)
	for head, err := range r.AccountManifests(ctx, of.Manifest.Account) {
		if err != nil {
			return nil, err
		}
		if head.Marked || !head.Time.Before(of.Head.Time) {
			continue
		}
		s, err := summarize(ctx, r, head)
		switch {
		case err != nil && (ctx.Err() != nil || !IsDamage(err)):
			return nil, err
		case err != nil:
			continue
		}
		histories.Add(s)
		if s.Manifest.State == manifest.Complete && s.Head.Committed() && !s.Head.Belated() &&
			!s.Head.Time.After(of.Manifest.Start) {
			break
		}
	}
	return histories, nil
}

// find compares suspect manifests with those before them.
func (h *Histories) find(
	ctx context.Context, r *repo.Repo, limits Limits, suspect func(before, now *Decision) bool,
) (all []Unreported, err error) {
	s := comparer{repo: r, limits: limits, suspect: suspect}
	for _, folder := range h.accounts {
		account := h.of[folder]
		for i := range account {
			now := &account[i]
			if !now.isComplete() || len(now.Manifest.Alarm) > 0 {
				continue
			}
			for _, n := range predecessors(account, i) {
				if now.repairs(&account[n]) {
					continue
				}
				lost, err := s.lost(ctx, &account[n], now)
				if err != nil {
					return nil, err
				}
				if len(lost) > 0 {
					all = append(all, Unreported{now.Head, account[n].Head, now.Manifest.Account, lost})
					break
				}
			}
		}
	}
	return all, nil
}

// repairs reports whether a manifest is a repair of the one before and names a failure for each
// message that it lacks. Such a loss is reported already: list and show print the failures, and the
// next backup requests those messages. A forger who writes failures hides nothing, and forget
// compares even so.
func (d *Decision) repairs(before *Decision) bool {
	missing := before.Manifest.Totals.Accounted() - d.Manifest.Totals.Accounted()
	return d.Manifest.Origin != [32]byte{} &&
		d.Manifest.Origin == (Summary{Head: before.Head, Manifest: before.Manifest}).Origin() &&
		d.Manifest.Totals.Failures-before.Manifest.Totals.Failures >= missing
}

// comparer compares suspect manifests. It reads marks and tags when it first needs them.
type comparer struct {
	repo    *repo.Repo
	limits  Limits
	suspect func(before, now *Decision) bool
	finder  *lossFinder
	tags    statement.Tags
}

func (c *comparer) lost(ctx context.Context, before, now *Decision) ([]string, error) {
	if !c.suspect(before, now) {
		return nil, nil
	}
	if c.finder == nil {
		var err error
		if c.finder, err = newLossFinder(ctx, c.repo, c.limits); err != nil {
			return nil, err
		}
		// An acknowledgement that cannot be read does not count, so the loss is reported again.
		if c.tags, _, err = c.repo.ReadableTags(ctx); err != nil {
			return nil, err
		}
	}
	if slices.Contains(c.tags[now.Head.Name], history.TagAcknowledged) || c.finder.wereCompared(before, now) {
		return nil, nil
	}
	return c.finder.lost(ctx, before, now)
}

// String returns a sentence that says what is wrong and what to do. SettledAlarms recognizes it.
func (u Unreported) String() string {
	return fmt.Sprintf("%s%x%s%s (mailstrata diff %x %x shows what; mailstrata forget --acknowledge %x says that it was meant)",
		reportOf(u.Head), u.Before.ID[:4], unreportedSays, u.Lost[len(u.Lost)-1], u.Before.ID[:4], u.Head.ID[:4], u.Head.ID[:4])
}

// unreportedSays is in the sentence of Unreported.String.
const unreportedSays = " before it and has no alarm: "

// reportOf returns what the sentence of Unreported.String begins with.
func reportOf(head repo.Head) string {
	return fmt.Sprintf("manifest %x of %s lacks mail of ", head.ID[:4], head.Time.UTC().Format(time.DateTime))
}

// outline returns the fields of a manifest that decisions need, without its mailboxes and failures.
func outline(m *manifest.Manifest) *manifest.Manifest {
	return &manifest.Manifest{
		Account: m.Account, Start: m.Start, State: m.State, Parent: m.Parent, Origin: m.Origin, Deadline: m.Deadline,
		Totals: m.Totals, Alarm: m.Alarm, Sources: m.Sources,
	}
}
