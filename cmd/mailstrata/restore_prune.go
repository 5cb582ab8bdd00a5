package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/mailstrata/mailstrata/restore"
)

// checkPrune refuses what --prune does not go with.
func (c *restoreCommand) checkPrune() error {
	kind, _, _ := strings.Cut(strings.ToLower(c.To), ":")
	switch {
	case !c.Prune && (c.Yes || c.EvenIncomplete):
		return usage("--yes and --even-incomplete go with --prune")
	case !c.Prune:
		return nil
	case kind == "eml":
		return usage("--prune: a directory of .eml files is only added to; restore to a new one")
	case c.Prefix != "":
		return usage("--prune: with --prefix, the target is not the account that was archived")
	}
	return nil
}

// prune asks for the pruning that the flags want.
func (c *restoreCommand) weedOptions(p *program) *restore.WeedOptions {
	if !c.Prune {
		return nil
	}
	o := &restore.WeedOptions{EvenIncomplete: c.EvenIncomplete}
	if !c.Yes {
		o.Confirm = func(ctx context.Context, plan restore.WeedReport) error { return p.confirmWeeding(ctx, c.To, plan) }
	}
	return o
}

// confirmWeeding tells what is to be removed and has the user say so.
func (p *program) confirmWeeding(ctx context.Context, target string, plan restore.WeedReport) error {
	tty, err := p.terminal()
	if err != nil {
		return &hintedError{
			text: fmt.Sprintf("nothing was changed: there is no terminal to confirm on the removal of %s and %s", plural(plan.Surplus, "message"), plural(len(plan.Mailboxes), "mailbox")),
			hint: "--dry-run tells what would be removed; --yes does not ask",
		}
	}
	defer tty.Close()
	p.console.clear()
	fmt.Fprintf(tty, "When all is restored to %s:\n", safe(target))
	for _, line := range planLines(&plan) {
		fmt.Fprintf(tty, "  %s\n", line)
	}
	fmt.Fprintf(tty, "Type \"remove\" to go on: ")
	answer, err := readLine(ctx, tty)
	if err != nil {
		return err
	}
	if strings.TrimSpace(answer) != "remove" {
		return errors.New("not confirmed: nothing was changed")
	}
	return nil
}

// readLine reads what somebody types.
func readLine(ctx context.Context, tty *os.File) (string, error) {
	type answer struct {
		line string
		err  error
	}
	answered := make(chan answer, 1)
	go func() {
		line, err := bufio.NewReader(tty).ReadString('\n')
		answered <- answer{line, err}
	}()
	select {
	case a := <-answered:
		return a.line, a.err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// planLines tell what is to be removed.
func planLines(plan *restore.WeedReport) []string {
	lines := []string{
		fmt.Sprintf("remove %s that the manifest does not have", plural(plan.Surplus, "message")),
		fmt.Sprintf("give %s the flags of the manifest", plural(plan.Reflagged, "message")),
	}
	if n := len(plan.Mailboxes); n > 0 {
		var names []string
		for _, name := range plan.Mailboxes[:min(n, remarksAtMost)] {
			names = append(names, quoted(name))
		}
		if n > remarksAtMost {
			names = append(names, "…")
		}
		lines = append(lines, fmt.Sprintf("remove %s: %s", plural(n, "mailbox"), strings.Join(names, ", ")))
	}
	return lines
}

func (c *restoreCommand) describePrune(p *program, pruned *restore.WeedReport) {
	switch {
	case pruned == nil:
	case c.DryRun:
		for _, line := range planLines(pruned) {
			p.printf("would %s", line)
		}
	case pruned.Done:
		p.printf("removed %s and %s; %s got other flags", plural(pruned.Removed, "message"), plural(pruned.MailboxesRemoved, "mailbox"), plural(pruned.FlagsSet, "message"))
		if pruned.Left > 0 {
			p.warn("%s could not be removed, or were changed meanwhile", plural(pruned.Left, "message"))
		}
	}
}

// weedSummary is a pruning as JSON.
type weedSummary struct {
	Surplus          int64    `json:"surplus"`   // messages that are too much
	Reflagged        int64    `json:"reflagged"` // that have other flags
	Mailboxes        []string `json:"mailboxes"` // that are too much
	Done             bool     `json:"done"`      // all was added, and removing began
	Removed          int64    `json:"removed"`
	Left             int64    `json:"left"`
	FlagsSet         int64    `json:"flags_set"`
	MailboxesRemoved int64    `json:"mailboxes_removed"`
}

func summarizeWeeding(pruned *restore.WeedReport) *weedSummary {
	if pruned == nil {
		return nil
	}
	return &weedSummary{pruned.Surplus, pruned.Reflagged, list(pruned.Mailboxes), pruned.Done, pruned.Removed, pruned.Left, pruned.FlagsSet, pruned.MailboxesRemoved}
}
