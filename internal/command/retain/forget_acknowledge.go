package retain

import (
	"context"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/named"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/job"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo"
)

// acknowledge tags manifests whose losses the user accepts.
func (c *Forget) acknowledge(ctx context.Context, p *cli.Program, r *repo.Repo) error {
	for _, name := range c.Acknowledge {
		contents, err := named.Manifest(ctx, p.Output, r, name)
		if err != nil {
			return err
		}
		s := archive.Summary{Head: contents.Head, Manifest: contents.Manifest}
		if err := c.accept(ctx, p, r, s); err != nil {
			return err
		}
		if c.DryRun {
			continue
		}
		if err := r.Tag(ctx, contents.Head, []string{history.TagAcknowledged}, nil); err != nil {
			return err
		}
	}
	if len(c.Acknowledge) == 0 || c.DryRun {
		return nil
	}
	return c.settle(ctx, p, r)
}

// accept prints what is accepted with a manifest: what its alarm says, and what it lacks. The
// writer of the manifest wrote the alarm, and a thief of a writer's key may have left something
// out. So the user must agree to what only the comparison finds.
func (c *Forget) accept(ctx context.Context, p *cli.Program, r *repo.Repo, s archive.Summary) error {
	id := summary.ShortID(s.Head)
	alarms, unsaid, err := c.compare(ctx, p, r, s)
	if err != nil {
		return err
	}
	if len(alarms) == 0 {
		return hint.Usagef("--acknowledge: nothing shrank suspiciously in manifest %s", id)
	}
	accepted := "accepted"
	if c.DryRun {
		accepted = "would be accepted"
	}
	for _, sentence := range unsaid {
		p.Alarm("%s: its alarm does not say this: %s", id, ui.OneLine(sentence))
	}
	if len(unsaid) > 0 && !c.Yes && !c.DryRun {
		if err := confirmUnsaid(ctx, p, id); err != nil {
			return err
		}
	}
	for _, sentence := range slices.Concat(alarms, unsaid) {
		p.Note("%s: %s: %s", id, accepted, ui.Safe(sentence))
	}
	return nil
}

// compare returns what the alarm of a manifest says, or what it lacks if it has none, and what it
// lacks that its alarm does not say.
func (c *Forget) compare(
	ctx context.Context, p *cli.Program, r *repo.Repo, s archive.Summary,
) (alarms, unsaid []string, err error) {
	alarms = s.Manifest.Alarm
	lost, err := archive.LostBefore(ctx, r, s, job.Limits(p.Host, c.ShrinkLimit))
	switch {
	case err != nil && (ctx.Err() != nil || len(alarms) == 0 || !archive.IsDamage(err)):
		return nil, nil, err
	case err != nil:
		p.Warn("%s: it could not be compared with the manifest before it, so only its alarm says what is gone: %s",
			summary.ShortID(s.Head), ui.OneLine(err.Error()))
	}
	if len(alarms) == 0 {
		return lost, nil, nil
	}
	return alarms, slices.DeleteFunc(lost, func(sentence string) bool { return says(alarms, sentence) }), nil
}

// says reports whether one of the alarms begins with a sentence. A backup may add where the mail
// perhaps is. A program before December 2026 wrote now for that night.
func says(alarms []string, sentence string) bool {
	older := func(text string) string { return strings.ReplaceAll(text, " that night", " now") }
	return slices.ContainsFunc(alarms, func(alarm string) bool { return strings.HasPrefix(older(alarm), older(sentence)) })
}

// confirmUnsaid asks whether the user accepts what the alarm of a manifest does not say.
func confirmUnsaid(ctx context.Context, p *cli.Program, id string) error {
	noTerminal := &hint.Error{
		Text: "not acknowledged: manifest " + id + " lacks more than its alarm says",
		Hint: "find out which host wrote it; to accept that loss as well: mailstrata forget --acknowledge " + id + " --yes",
	}
	return p.Confirm(ctx, "Accept that, too? Type yes to continue: ", noTerminal, isYes)
}

// isYes reports whether an answer is yes.
func isYes(answer string) bool {
	return strings.EqualFold(answer, "y") || strings.EqualFold(answer, "yes")
}

// settle acknowledges the alarms that only report what has been acknowledged.
func (c *Forget) settle(ctx context.Context, p *cli.Program, r *repo.Repo) error {
	settled, err := archive.SettledAlarms(ctx, r, job.Limits(p.Host, c.ShrinkLimit))
	if err != nil {
		return err
	}
	for _, s := range settled {
		p.Note("%s: accepted: its alarm reports only that", summary.ShortID(s.Head))
		if err := r.Tag(ctx, s.Head, []string{history.TagAcknowledged}, nil); err != nil {
			return err
		}
	}
	return nil
}
