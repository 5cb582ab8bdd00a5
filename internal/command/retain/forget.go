package retain

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/loss"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/named"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/job"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo"
)

// Forget marks old manifests as forgotten, or brings them back.
type Forget struct {
	Names []string `arg:"" optional:"" name:"account|manifest" help:"With --keep-…: only these accounts. Without: the manifests to forget."`

	KeepLast    number   `group:"keep" placeholder:"N" help:"Keep the last N manifests of each account (or 'unlimited', as below)."`
	KeepHourly  number   `group:"keep" placeholder:"N" help:"Keep the newest manifest of each of the last N hours that have one."`
	KeepDaily   number   `group:"keep" placeholder:"N" help:"Keep the newest of each of the last N days."`
	KeepWeekly  number   `group:"keep" placeholder:"N" help:"Keep the newest of each of the last N weeks."`
	KeepMonthly number   `group:"keep" placeholder:"N" help:"Keep the newest of each of the last N months."`
	KeepYearly  number   `group:"keep" placeholder:"N" help:"Keep the newest of each of the last N years."`
	KeepWithin  cli.Span `group:"keep" placeholder:"SPAN" help:"Keep all that are at most this much older than the newest of the account: 30d, 8w, 1y6m."`
	KeepTag     []string `group:"keep" sep:"none" placeholder:"TAG" help:"Keep those with this tag (repeatable)."`

	Acknowledge    []string    `sep:"none" placeholder:"MANIFEST" help:"Accept what is gone in this manifest, so that the one before it need not be kept (repeatable)."`
	AcknowledgeAll bool        `help:"Likewise in each manifest with an alarm, of these accounts or of all. Shows them, and asks."`
	ShrinkLimit    []loss.Rule `sep:"none" placeholder:"LIMIT" help:"How much a manifest may lack of the one before it, as in backup: 20%,50; off; NAME=LIMIT (repeatable). Default: the limits of the configuration."`
	Prune          bool        `help:"Then run mailstrata prune."`
	MaxUnused      cli.Share   `default:"5%" placeholder:"SHARE" help:"With --prune: as there."`
	DryRun         bool        `short:"n" help:"Only show what would be kept and forgotten, and why."`
	Yes            bool        `short:"y" help:"Do not ask."`

	Undo           bool `help:"Bring forgotten manifests back. Without MANIFEST, list them."`
	EvenIncomplete bool `help:"With --undo: bring back what is left of a manifest that lacks something."`

	cli.WatchFlags `embed:""`
}

// IsWhole reports whether all accounts are meant. The monitoring of the configuration is for such
// runs.
func (c *Forget) IsWhole() bool {
	return len(c.Names) == 0 && !c.DryRun && !c.Undo && !c.AcknowledgeAll
}

func (*Forget) Help() string {
	return `Marks manifests as forgotten. They are not listed any more, and "mailstrata prune" deletes them, a day later at the earliest. mailstrata shows what it would forget, and asks. Scripts use --yes.

A manifest is kept if any --keep rule keeps it. The rules apply to each account, from the newest manifest to the oldest. Without rules and names, the rules of the configuration apply (docs/config.md). These are always kept: the newest complete manifest of an account; pinned manifests; a manifest with an alarm and the last one before it, until you acknowledge it. Checkpoints are forgotten when a complete manifest has followed.

If a manifest lacks mail of the one before it and has no alarm, it may have been written with a stolen key. forget then keeps the manifest before it, and ends with status 4, until you acknowledge the loss. While an account has a manifest whose time cannot be true, no rule forgets anything of it: find out which host wrote that manifest, and forget it by its id.

--acknowledge-all accepts every alarm that nobody has acknowledged, of the named accounts or of all. It first shows what they say is gone. It leaves a manifest that lacks more than its alarm says: look at that one, and name it with --acknowledge.

--undo brings a forgotten manifest back, as a new one with the same mail and tags, until prune has deleted it. forget needs an owner's key.

` + cli.ManifestHelp + `

EXAMPLES

    mailstrata forget --keep-daily 30 --keep-monthly 24 --dry-run
    mailstrata forget anna@mail.example --keep-within 1y
    mailstrata forget 3f9a12 2026-03-14
    mailstrata forget --acknowledge latest
    mailstrata forget --acknowledge-all --dry-run
    mailstrata forget --acknowledge-all anna@mail.example
    mailstrata forget --undo 3f9a12
    mailstrata forget --keep-daily 30 --keep-monthly 24 --prune --yes

EXIT STATUS

0 done; 1 failed, or not confirmed; 2 invalid command line, or no terminal to confirm on; 3 done, but nothing is forgotten of accounts with misdated manifests; 4 done, but a manifest lacks mail of the one before it, and its alarm does not say so, or it has none; 130 interrupted.`
}

// number is the number of manifests that a rule keeps.
type number int

// UnmarshalText reads a number, or "unlimited".
func (n *number) UnmarshalText(text []byte) error {
	if string(text) == "unlimited" {
		*n = history.Unlimited
		return nil
	}
	parsed, err := strconv.ParseUint(string(text), 10, 31)
	if err != nil || parsed == 0 {
		return fmt.Errorf(`%s is not a number above 0, nor "unlimited"`, ui.Quote(string(text)))
	}
	*n = number(parsed)
	return nil
}

func (c *Forget) policy() history.Policy {
	return history.Policy{
		Last: int(c.KeepLast), Hourly: int(c.KeepHourly), Daily: int(c.KeepDaily), Weekly: int(c.KeepWeekly),
		Monthly: int(c.KeepMonthly), Yearly: int(c.KeepYearly), Within: history.Span(c.KeepWithin), Tags: c.KeepTag,
	}
}

// rules returns the policy of the flags. Without rules and names, it returns that of the
// configuration.
func (c *Forget) rules(p *cli.Program) (history.Policy, error) {
	policy := c.policy()
	if !policy.IsZero() || len(c.Names) > 0 || len(c.Acknowledge) > 0 {
		return policy, nil
	}
	configured, err := p.Config()
	if err != nil {
		return policy, err
	}
	return configured.Retention, nil
}

func (c *Forget) Run(ctx context.Context, p *cli.Program) error {
	if err := c.checkUndo(); err != nil {
		return err
	}
	if err := c.checkAcknowledgeAll(); err != nil {
		return err
	}
	switch {
	case c.Undo:
		return c.undo(ctx, p)
	case c.AcknowledgeAll:
		return c.acknowledgeAll(ctx, p)
	}
	policy, err := c.rules(p)
	if err != nil {
		return err
	}
	forgets := !policy.IsZero() || len(c.Names) > 0
	if !forgets && len(c.Acknowledge) == 0 {
		return &hint.Usage{
			Text: "no --keep rule and no manifest is given",
			Hint: "mailstrata forget --keep-daily 30 --keep-monthly 24 --dry-run shows what such rules do",
		}
	}
	if forgets && len(c.Acknowledge) > 0 && !c.Yes && !c.DryRun && !p.HasTerminal() {
		return errNoTerminal // before it writes an acknowledgement
	}
	r, err := p.OpenAsOwner(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := c.acknowledge(ctx, p, r); err != nil {
		return err
	}
	if !forgets {
		return nil
	}
	plan, err := c.plan(ctx, p, r, policy)
	if err != nil {
		return err
	}
	if err := c.print(p, plan); err != nil {
		return err
	}
	if err := c.confirm(ctx, p, plan); err != nil {
		return err
	}
	marked := 0
	if !c.DryRun {
		marked, err = plan.Apply(ctx)
	}
	if err == nil && c.Prune {
		err = (&Prune{MaxUnused: c.MaxUnused, DryRun: c.DryRun}).prune(ctx, p, r)
	} else if marked > 0 {
		them := "them"
		if marked == 1 {
			them = "it"
		}
		p.Note("%s marked as forgotten; mailstrata prune deletes %s after a day. Until then mailstrata forget --undo brings %[2]s back",
			ui.Plural(int64(marked), "manifest"), them)
	}
	return cmp.Or(err, printLosses(p, plan), printMisdated(p, plan))
}

// printMisdated names the misdated manifests. Their accounts keep all manifests.
func printMisdated(p *cli.Program, plan *archive.ForgetPlan) error {
	accounts := map[string]bool{}
	for _, d := range plan.Misdated() {
		accounts[d.Manifest.Account] = true
		p.Warn("%s: nothing of this account is forgotten: manifest %s of %s: %s", ui.Safe(d.Manifest.Account), summary.ShortID(d.Head), ui.Time(d.Head.Time),
			ui.OneLine(d.Head.Misdating().Error()))
	}
	if len(accounts) == 0 {
		return nil
	}
	return cli.Partial("nothing was forgotten of " + ui.Plural(len(accounts),
		"account") + " with misdated manifests; find out which host wrote them")
}

func (c *Forget) plan(
	ctx context.Context, p *cli.Program, r *repo.Repo, policy history.Policy,
) (*archive.ForgetPlan, error) {
	if policy.IsZero() {
		heads, err := named.Heads(ctx, p.Output, r, c.Names)
		if err != nil {
			return nil, err
		}
		plan, err := archive.PlanForgetNamed(ctx, r, heads, job.Limits(p.Host, c.ShrinkLimit))
		if errors.Is(err, archive.ErrKept) {
			err = &hint.Error{
				Text: err.Error(),
				Hint: "use mailstrata unpin if it is pinned, mailstrata forget --acknowledge if it has an alarm",
				Err:  err,
			}
		}
		return plan, err
	}
	plan, err := archive.PlanForget(ctx, r, c.Names, policy, time.Local, job.Limits(p.Host, c.ShrinkLimit))
	if err != nil {
		return nil, err
	}
	for _, name := range c.Names {
		if !slices.ContainsFunc(plan.Decisions, func(d archive.Decision) bool { return d.Head.Account == r.AccountDir(name) }) {
			return nil, named.NoAccount(name, named.Accounts(ctx, r))
		}
	}
	return plan, nil
}

// decisionSummary is whether a manifest is kept, and why, as JSON.
type decisionSummary struct {
	ID       string    `json:"id"`
	Account  string    `json:"account"`
	Time     time.Time `json:"time"`
	State    string    `json:"state"`
	Messages int64     `json:"messages"`
	Keep     bool      `json:"keep"`
	Reasons  []string  `json:"reasons"`
	Lost     []string  `json:"lost"`
	Tags     []string  `json:"tags"`
}

func summarizeDecision(d *archive.Decision) decisionSummary {
	s := decisionSummary{
		ID: summary.ID(d.Head), Time: d.Head.Time.UTC(), Keep: d.Keep, Reasons: append([]string{}, d.Reasons...), Lost: append([]string{}, d.Lost...), Tags: append([]string{}, d.Tags...),
	}
	if m := d.Manifest; m != nil {
		s.Account, s.State, s.Messages = m.Account, m.State.String(), m.Totals.Messages
	}
	return s
}

// mostKept is how many manifests a forget without a question lists at most. Of more, it lists those
// that it forgets: it runs every week or so, and nobody reads why thousands are kept.
const mostKept = 50

// print shows for each manifest whether it is kept, and why.
func (c *Forget) print(p *cli.Program, plan *archive.ForgetPlan) error {
	if p.JSON {
		for i := range plan.Decisions {
			if err := p.PrintJSON(summarizeDecision(&plan.Decisions[i])); err != nil {
				return err
			}
		}
		return nil
	}
	if len(plan.Decisions) == 0 {
		p.Note("there are no manifests")
		return nil
	}
	gone, unlisted := 0, 0
	short := c.Yes && !c.DryRun && len(plan.Decisions) > mostKept
	t := p.Table("ID", "ACCOUNT", "TIME", "MESSAGES", "", "WHY").Folded()
	for i := range plan.Decisions {
		s := summarizeDecision(&plan.Decisions[i])
		what := "keep"
		if !s.Keep {
			what = "forget"
			gone++
		} else if short {
			unlisted++
			continue
		}
		t.Row(s.ID[:8], s.Account, ui.Time(s.Time), ui.Right(ui.Count(s.Messages), "MESSAGES"), what,
			strings.Join(s.Reasons, ", "))
	}
	if unlisted < len(plan.Decisions) {
		t.Flush()
	}
	if unlisted > 0 {
		p.Note("the %s that are kept are not listed; --dry-run lists all", ui.Count(unlisted))
	}
	would := ""
	if c.DryRun || !c.Yes && gone > 0 { // or the user is still to be asked
		would = "to be "
	}
	p.Printf("%s: %d %sforgotten, %d %skept",
		ui.Plural(int64(len(plan.Decisions)), "manifest"), gone, would, len(plan.Decisions)-gone, would)
	return nil
}

// printLosses prints the losses that no alarm mentions.
func printLosses(p *cli.Program, plan *archive.ForgetPlan) error {
	found := false
	for _, d := range plan.Decisions {
		if len(d.Lost) == 0 {
			continue
		}
		found = true
		for _, lost := range d.Lost {
			p.Alarm("%s: manifest %s: suspicious: %s",
				ui.Safe(d.Manifest.Account), summary.ShortID(d.Head), ui.OneLine(lost))
		}
		p.Say(fmt.Sprintf("hint: mailstrata forget --acknowledge %s accepts the loss", summary.ShortID(d.Head)))
	}
	if !found {
		return nil
	}
	return cli.Shrunk("a manifest lacks mail of the one before it, without an alarm; both are kept until you acknowledge it")
}

// confirm asks the user whether to forget what the plan forgets. A plan that forgets nothing needs
// no answer.
func (c *Forget) confirm(ctx context.Context, p *cli.Program, plan *archive.ForgetPlan) error {
	goes := 0
	for _, d := range plan.Decisions {
		if !d.Keep {
			goes++
		}
	}
	if c.Yes || c.DryRun || goes == 0 {
		return nil
	}
	question := fmt.Sprintf("Forget %s? Type yes to continue: ", ui.Plural(goes, "manifest"))
	return p.Confirm(ctx, question, errNoTerminal, isYes)
}

// errNoTerminal is the error of forget if it must ask, and there is no terminal.
var errNoTerminal = &hint.Usage{
	Text: "nothing was changed: there is no terminal to confirm on",
	Hint: "use --yes in scripts; --dry-run only shows what would change",
}
