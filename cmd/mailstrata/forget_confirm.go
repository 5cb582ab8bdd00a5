package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// mayAsk returns an error if there is no terminal to confirm on, before an acknowledgement is written.
func (c *forgetCommand) mayAsk(p *program) error {
	if c.Yes || c.DryRun || p.HasTerminal() {
		return nil
	}
	return errNobodyToAsk()
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
	answer, err := p.Ask(ctx, fmt.Sprintf("Forget %s? Type yes to continue: ", ui.Plural(int64(goes), "manifest")))
	switch {
	case errors.Is(err, ui.ErrNoTerminal):
		return errNobodyToAsk()
	case err != nil:
		return err
	case strings.EqualFold(answer, "y"), strings.EqualFold(answer, "yes"):
		return nil
	}
	return errNotConfirmed
}

func errNobodyToAsk() error {
	return &hint.Usage{
		Text: "nothing was changed: there is no terminal to confirm on",
		Hint: "use --yes in scripts; --dry-run only shows what would change",
	}
}
