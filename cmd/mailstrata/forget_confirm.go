package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/mailstrata/mailstrata/archive"
)

// mayAsk returns an error if a question would have no terminal, before an acknowledgement is written.
func (c *forgetCommand) mayAsk(p *program) error {
	if c.Yes || c.DryRun {
		return nil
	}
	tty, err := p.terminal()
	if err != nil {
		return nobodyToAsk()
	}
	return tty.Close()
}

// confirm asks the user whether to forget what the plan forgets. A plan that forgets nothing needs no answer.
func (c *forgetCommand) confirm(ctx context.Context, p *program, plan *archive.Forgetting) error {
	goes := 0
	for _, d := range plan.Decisions {
		if !d.Keep {
			goes++
		}
	}
	if c.Yes || c.DryRun || goes == 0 {
		return nil
	}
	return p.agree(ctx, fmt.Sprintf("Forget %s? Type yes to go on: ", plural(int64(goes), "manifest")))
}

// agree asks a question on the terminal, and returns an error if the answer is not yes.
func (p *program) agree(ctx context.Context, question string) error {
	tty, err := p.terminal()
	if err != nil {
		return nobodyToAsk()
	}
	defer tty.Close()
	if err := p.out.Flush(); err != nil {
		return err
	}
	p.console.clear()
	fmt.Fprint(tty, question)
	answer, err := readLine(ctx, tty)
	if err != nil {
		return err
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return errors.New("not confirmed: nothing was changed")
}

func nobodyToAsk() error {
	return &usageError{
		text: "nothing was changed: there is no terminal to confirm this on",
		hint: "--yes answers for you, as in scripts; --dry-run only shows what would be done",
	}
}
