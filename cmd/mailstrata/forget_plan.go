package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/mailstrata/mailstrata/internal/hint"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/loss"
	"github.com/mailstrata/mailstrata/internal/job"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/mail"
)

// printLosses prints the losses that no alarm mentions.
func printLosses(p *program, plan *archive.ForgetPlan) error {
	found := false
	for _, d := range plan.Decisions {
		if len(d.Lost) == 0 {
			continue
		}
		found = true
		for _, lost := range d.Lost {
			p.Alarm("%s: manifest %s: suspicious: %s", ui.Safe(d.Manifest.Account), shortID(d.Head), ui.OneLine(lost))
		}
		p.Say(fmt.Sprintf("hint: mailstrata forget --acknowledge %s accepts the loss", shortID(d.Head)))
	}
	if !found {
		return nil
	}
	return &outcome{statusShrunk, "a manifest lacks mail of the one before it, without an alarm; both are kept until you acknowledge it"}
}

// lossLimits returns the limits of losses, by account: these rules, or else those of the configuration.
func (p *program) lossLimits(rules []loss.Rule) archive.Limits {
	return func(account string) func(*mail.Mailbox) loss.Limit {
		rules := loss.Rules(rules)
		if a, err := p.ConfiguredAccount(account); len(rules) == 0 && err == nil && a != nil {
			rules = a.Configured.ShrinkLimits
		}
		return func(m *mail.Mailbox) loss.Limit { return job.ShrinkLimit(rules, m) }
	}
}

// confirm asks the user whether to forget what the plan forgets. A plan that forgets nothing needs no answer.
func (c *forgetCommand) confirm(ctx context.Context, p *program, plan *archive.ForgetPlan) error {
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
	return p.confirm(ctx, question, errNoTerminal, func(answer string) bool {
		return strings.EqualFold(answer, "y") || strings.EqualFold(answer, "yes")
	})
}

// errNoTerminal is the error of forget if it must ask, and there is no terminal.
var errNoTerminal = &hint.Usage{
	Text: "nothing was changed: there is no terminal to confirm on",
	Hint: "use --yes in scripts; --dry-run only shows what would change",
}
