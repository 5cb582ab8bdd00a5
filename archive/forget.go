package archive

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/internal/inorder"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/statement"
)

// Decision says whether a manifest is kept, and why.
type Decision struct {
	Head     repo.Head
	Manifest *manifest.Manifest // the fields that decisions need; nil if it cannot be read, and so is kept
	Tags     []string
	Lost     []string // losses beyond the limits that no alarm mentions
	history.Verdict
}

// ForgetPlan lists decisions about manifests. Nothing is changed until Apply.
type ForgetPlan struct {
	Decisions []Decision // by account, the newest first

	repo *repo.Repo
}

// PlanForget applies a policy to the manifests of some accounts, or of all if none are named,
// except those that are marked already. Days, hours and so on are those of the zone.
func PlanForget(
	ctx context.Context, r *repo.Repo, accounts []string, policy history.Policy, zone *time.Location, limits Limits,
) (*ForgetPlan, error) {
	all, err := undecided(ctx, r)
	if err != nil {
		return nil, err
	}
	losses, err := newLossFinder(ctx, r, limits)
	if err != nil {
		return nil, err
	}
	plan := &ForgetPlan{repo: r}
	var dirs []string
	for _, account := range accounts {
		dirs = append(dirs, r.AccountDir(account))
	}
	for account := range byAccount(all) {
		if len(dirs) > 0 && !slices.Contains(dirs, account[0].Head.Account) {
			continue
		}
		decide(account, policy, zone)
		found, err := losses.find(ctx, account, func(d *Decision) bool { return !d.Keep })
		if err != nil {
			return nil, err
		}
		if found {
			decide(account, policy, zone)
		}
		plan.Decisions = append(plan.Decisions, account...)
	}
	return plan, nil
}

// ErrKept reports that a manifest must not be forgotten.
var ErrKept = errors.New("it is kept")

// PlanForgetNamed returns a plan that forgets only these manifests. It returns an error that wraps
// ErrKept if one must be kept.
func PlanForgetNamed(ctx context.Context, r *repo.Repo, heads []repo.Head, limits Limits) (*ForgetPlan, error) {
	all, err := undecided(ctx, r)
	if err != nil {
		return nil, err
	}
	losses, err := newLossFinder(ctx, r, limits)
	if err != nil {
		return nil, err
	}
	isNamed := func(d *Decision) bool {
		return slices.ContainsFunc(heads, func(h repo.Head) bool { return h.Name == d.Head.Name })
	}
	plan := &ForgetPlan{repo: r}
	for account := range byAccount(all) {
		if _, err := losses.find(ctx, account, isNamed); err != nil {
			return nil, err
		}
		decide(account, history.Policy{}, time.UTC)
		left := false // whether a complete manifest is left
		for i := range account {
			d := &account[i]
			switch named := isNamed(d); {
			case named && d.Firm:
				return nil, fmt.Errorf("manifest %x: %w: %s", d.Head.ID[:4], ErrKept, d.Reasons[len(d.Reasons)-1])
			case named:
				d.Verdict = history.Verdict{Reasons: []string{"named"}}
				plan.Decisions = append(plan.Decisions, *d)
			default:
				left = left || d.isComplete()
			}
		}
		if n := slices.IndexFunc(account, func(d Decision) bool { return !d.Keep && d.isComplete() }); n >= 0 &&
			!left &&
			slices.ContainsFunc(heads, func(h repo.Head) bool { return h.Account == account[0].Head.Account }) {
			return nil, fmt.Errorf("manifest %x: %w: no other complete one of account %q would be left",
				account[n].Head.ID[:4], ErrKept, account[n].Manifest.Account)
		}
	}
	return plan, nil
}

// hasAlarm reports whether the manifest is a committed one with an alarm that nobody has
// acknowledged.
func (d *Decision) hasAlarm() bool {
	return d.Manifest != nil && d.Head.Committed() && len(d.Manifest.Alarm) > 0 &&
		!slices.Contains(d.Tags, history.TagAcknowledged)
}

// isComplete reports whether the manifest is a committed one of a complete run.
func (d *Decision) isComplete() bool {
	return d.Manifest != nil && d.Manifest.State == manifest.Complete && d.Head.Committed()
}

// undecided returns all manifests that are not marked, also those that were never committed.
func undecided(ctx context.Context, r *repo.Repo) (all []Decision, err error) {
	tags, err := r.Tags(ctx)
	if err != nil {
		return nil, err
	}
	unmarked := func(yield func(repo.Head, error) bool) {
		for head, err := range r.EveryManifest(ctx) {
			if (err != nil || !head.Marked) && !yield(head, err) {
				return
			}
		}
	}
	read := func(ctx context.Context, head repo.Head) (Decision, error) { return undecidedOne(ctx, r, head) }
	for d, err := range inorder.Map(ctx, readAhead, unmarked, read) {
		if err != nil {
			return nil, err
		}
		d.Tags = tags[d.Head.Name]
		all = append(all, d)
	}
	return all, nil
}

// undecidedOne reads a manifest as far as decisions need it.
func undecidedOne(ctx context.Context, r *repo.Repo, head repo.Head) (Decision, error) {
	d := Decision{Head: head}
	m, err := ReadManifest(ctx, r, head)
	switch {
	case err == nil:
		d.Manifest = outline(m)
		d.Head = r.Judge(head, m.Deadline)
	case ctx.Err() != nil || !IsDamage(err):
		return d, err
	}
	return d, nil
}

// byAccount yields the manifests of each account. The list is in the order of accounts.
func byAccount(all []Decision) func(yield func([]Decision) bool) {
	return func(yield func([]Decision) bool) {
		for len(all) > 0 {
			n := slices.IndexFunc(all, func(d Decision) bool { return d.Head.Account != all[0].Head.Account })
			if n < 0 {
				n = len(all)
			}
			if !yield(all[:n]) {
				return
			}
			all = all[n:]
		}
	}
}

// decide fills in the verdicts of one account. A manifest that cannot be read is kept, and the
// policy does not see it.
func decide(account []Decision, policy history.Policy, zone *time.Location) {
	var list []history.Run
	var of []*Decision
	for i := range account {
		d := &account[i]
		if d.Manifest == nil {
			d.Verdict = history.Verdict{Keep: true, Reasons: []string{"cannot be read"}}
			continue
		}
		list = append(list, history.Run{
			Hash: d.Head.ID, Parent: d.Manifest.Parent, Start: d.Manifest.Start, Time: d.Head.Time, State: d.Manifest.State,
			Late: d.Head.Late, Dating: datingOf(d.Head), Alarm: len(d.Manifest.Alarm)+len(d.Lost) > 0, Tags: d.Tags,
			Unread: d.Manifest.MailInherited(),
		})
		of = append(of, d)
	}
	for i, v := range policy.Decide(list, zone) {
		of[i].Verdict = v
	}
	keepCertain(account)
	keepAlarming(account)
}

// keepAlarming keeps checkpoints whose alarm stands (StandingAlarms). A run that did not know the
// checkpoint does not take over its alarm. The manifests are given the newest first.
func keepAlarming(account []Decision) {
	for i := range account {
		d := &account[i]
		if d.Keep || !d.hasAlarm() || d.isComplete() {
			continue
		}
		takes := func(by Decision) bool {
			return by.Manifest != nil && by.Head.Committed() &&
				takesOver(Summary{by.Head, by.Manifest}, Summary{d.Head, d.Manifest})
		}
		if !slices.ContainsFunc(account[:i], takes) {
			d.Verdict = history.Verdict{Keep: true, Firm: true, Reasons: []string{"alarm, not acknowledged"}}
		}
	}
}

// keepCertain keeps the newest complete manifest that the store received before its deadline. A
// manifest that came later, because the writer's host slept before the upload, may refer to chunks
// that were removed meanwhile, so it must not be the only one left. (In a copy of a repository all
// objects are new, so no manifest is certain, and none is kept for this.)
func keepCertain(account []Decision) {
	for i := range account {
		d := &account[i]
		if !d.isComplete() || d.Head.Stored.After(d.Manifest.Deadline) {
			continue
		}
		if !d.Keep {
			d.Keep, d.Reasons = true, []string{"newest that was certainly in time"}
		}
		return
	}
}

// Misdated returns the misdated manifests. Because of them, nothing of their accounts is forgotten.
func (p *ForgetPlan) Misdated() (all []Decision) {
	for _, d := range p.Decisions {
		if d.Keep && d.Head.Misdated != "" {
			all = append(all, d)
		}
	}
	return all
}

// Apply marks the manifests that the plan does not keep, in one step, and returns their number.
// Alarms that keep manifests, and that are not listed (repo.Repo.EnsureAlarm), are listed from then
// on, so that people hear why.
func (p *ForgetPlan) Apply(ctx context.Context) (marked int, err error) {
	var marks []statement.Marked
	for i := range p.Decisions {
		d := &p.Decisions[i]
		if d.Keep {
			continue
		}
		m := statement.Marked{Manifest: d.Head.Name}
		if d.Manifest != nil && d.Manifest.Parent != [32]byte{} {
			m.Parent = &d.Manifest.Parent
		}
		marks = append(marks, m)
	}
	if err := p.repo.MarkAll(ctx, marks); err != nil {
		return 0, fmt.Errorf("forget: %w", err)
	}
	return len(marks), p.listAlarms(ctx)
}

// listAlarms puts the alarms of manifests that the plan keeps where StandingAlarms finds them.
func (p *ForgetPlan) listAlarms(ctx context.Context) error {
	var listed map[string]bool // read when it is needed first
	for i := range p.Decisions {
		d := &p.Decisions[i]
		if !d.Keep || !d.hasAlarm() {
			continue
		}
		if listed == nil {
			listed = make(map[string]bool)
			for h, err := range p.repo.Alarms(ctx) {
				if err != nil {
					return err
				}
				listed[h.Name] = true
			}
		}
		if listed[d.Head.Name] {
			continue
		}
		if err := p.repo.EnsureAlarm(ctx, d.Head); err != nil && !IsDamage(err) {
			return fmt.Errorf("list the alarm of manifest %x: %w", d.Head.ID[:4], err)
		}
	}
	return nil
}
