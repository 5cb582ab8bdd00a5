package retain

import (
	"context"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/health"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/named"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/job"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo"
)

// checkAcknowledgeAll returns an error for flags that exclude --acknowledge-all.
func (c *Forget) checkAcknowledgeAll() error {
	policy := c.policy()
	if c.AcknowledgeAll && (!policy.IsZero() || len(c.Acknowledge) > 0 || c.Undo || c.Prune) {
		return hint.Usagef("--acknowledge-all cannot be combined with rules, --acknowledge, --undo or --prune")
	}
	return nil
}

// alarmSummary is a manifest with an alarm that is accepted, as JSON.
type alarmSummary struct {
	ID       string    `json:"id"`
	Account  string    `json:"account"`
	Time     time.Time `json:"time"`
	Accepted []string  `json:"accepted"` // what its alarm says
	Unsaid   []string  `json:"unsaid"`   // what it lacks beside that; then it is not accepted
}

// acknowledgeAll accepts all alarms of the named accounts, or of all, that say what their manifests
// lack. It shows them first, and asks. One that lacks more may have been written with a stolen key,
// so the user must name it.
func (c *Forget) acknowledgeAll(ctx context.Context, p *cli.Program) error {
	r, err := p.OpenAsOwner(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	standing, damage, err := c.standing(ctx, p, r)
	if err != nil {
		return err
	}
	for _, err := range damage {
		p.Warn("an alarm cannot be read: %s", ui.OneLine(err.Error()))
	}
	accepted, left, err := c.showAlarms(ctx, p, r, standing)
	if err != nil {
		return err
	}
	if err := c.acceptAll(ctx, p, r, accepted); err != nil {
		return err
	}
	switch {
	case left > 0:
		return cli.Shrunk(ui.Plural(int64(left), "manifest") + " with an alarm that does not say all that is gone: look at each, and name it with --acknowledge")
	case len(damage) > 0:
		return cli.Partial("some alarms cannot be read")
	}
	return nil
}

// standing returns the manifests with alarms that nobody has acknowledged, of the named accounts or
// of all.
func (c *Forget) standing(
	ctx context.Context, p *cli.Program, r *repo.Repo,
) (standing []archive.Summary, damage []error, err error) {
	accounts, damage, err := health.Accounts(ctx, r, job.Limits(p.Host, c.ShrinkLimit)) // so that status and this agree
	if err != nil {
		return nil, nil, err
	}
	var names []string
	for _, a := range accounts {
		names = append(names, a.Name)
	}
	for _, name := range c.Names {
		if !slices.Contains(names, name) {
			return nil, nil, named.NoAccount(name, names)
		}
	}
	for _, a := range accounts {
		if len(c.Names) > 0 && !slices.Contains(c.Names, a.Name) {
			continue
		}
		damage = append(damage, a.Damage...)
		for _, alarm := range a.Alarms {
			m, err := archive.ReadManifest(ctx, r, alarm.Head)
			if err != nil {
				return nil, nil, err
			}
			standing = append(standing, archive.Summary{Head: alarm.Head, Manifest: m})
		}
	}
	return standing, damage, nil
}

// showAlarms prints what the manifests lack, and returns those to accept. It counts the others.
func (c *Forget) showAlarms(
	ctx context.Context, p *cli.Program, r *repo.Repo, standing []archive.Summary,
) (accepted []repo.Head, left int, err error) {
	for _, s := range standing {
		alarms, unsaid, err := c.compare(ctx, p, r, s)
		if err != nil {
			return nil, 0, err
		}
		if len(unsaid) > 0 {
			left++
		} else {
			accepted = append(accepted, s.Head)
		}
		if p.JSON {
			err = p.PrintJSON(alarmSummary{
				summary.ID(s.Head), s.Manifest.Account, s.Head.Time.UTC(), alarms,
				append([]string{}, unsaid...),
			})
			if err != nil {
				return nil, 0, err
			}
			continue
		}
		p.Printf("%s of %s, %s", summary.ShortID(s.Head), ui.Safe(s.Manifest.Account), ui.Time(s.Head.Time))
		for _, sentence := range alarms {
			p.Printf("  %s", ui.OneLine(sentence))
		}
		for _, sentence := range unsaid {
			p.Alarm("%s: its alarm does not say this: %s", summary.ShortID(s.Head), ui.OneLine(sentence))
		}
	}
	return accepted, left, nil
}

// acceptAll asks, and tags the manifests.
func (c *Forget) acceptAll(ctx context.Context, p *cli.Program, r *repo.Repo, accepted []repo.Head) error {
	what := ui.Plural(int64(len(accepted)), "manifest") + " with an alarm"
	switch {
	case len(accepted) == 0:
		p.Note("there is no alarm to acknowledge")
		return nil
	case c.DryRun:
		p.Note("%s would be acknowledged", what)
		return nil
	case !c.Yes:
		if err := p.Confirm(ctx, "Accept what is gone in "+what+"? Type yes to continue: ", errNoTerminal, isYes); err != nil {
			return err
		}
	}
	for _, head := range accepted {
		if err := r.Tag(ctx, head, []string{history.TagAcknowledged}, nil); err != nil {
			return err
		}
	}
	p.Note("%s acknowledged", what)
	return c.settle(ctx, p, r)
}
