package restore

import (
	"context"
	"fmt"
	"strings"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/job"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/restore"
)

// checkPrune returns an error for flags that exclude --prune.
func (c *Command) checkPrune() error {
	kind, _, _ := strings.Cut(strings.ToLower(c.To), ":")
	switch {
	case !c.Prune && c.EvenIncomplete:
		return hint.Usagef("--even-incomplete needs --prune")
	case !c.Prune:
		return nil
	case kind == "eml":
		return hint.Usagef("--prune does not work with .eml files; restore to a new directory")
	case kind == "mbox", kind == "zip", kind == "tar":
		return hint.Usagef("--prune does not work with %s: files; restore to a new file", kind)
	case c.Prefix != "":
		return hint.Usagef("--prune and --prefix exclude each other")
	}
	return nil
}

// pruneOptions returns what --prune asks for, or nil.
func (c *Command) pruneOptions(
	ctx context.Context, p *cli.Program, r *repo.Repo, from *archive.Contents,
) (*restore.MirrorOptions, error) {
	if !c.Prune {
		return nil, nil
	}
	o := &restore.MirrorOptions{EvenIncomplete: c.EvenIncomplete}
	if !c.EvenIncomplete {
		found, err := archive.Suspect(ctx, r, archive.Summary{Head: from.Head, Manifest: from.Manifest},
			job.Limits(p.Host, nil))
		if err != nil {
			return nil, err
		}
		o.Alarm, o.Acknowledged = ui.OneLine(found.Text), found.Acknowledged
	}
	if !c.Yes {
		o.Confirm = func(ctx context.Context, plan restore.MirrorReport) error { return confirmPrune(ctx, p, c.To, plan) }
	}
	return o, nil
}

// confirmPrune shows what would be removed, and asks the user.
func confirmPrune(ctx context.Context, p *cli.Program, target string, plan restore.MirrorReport) error {
	question := fmt.Sprintf("After the restore to %s:\n", ui.Safe(target))
	for _, line := range planLines(&plan) {
		question += "  " + line + "\n"
	}
	noTerminal := &hint.Error{
		Text: fmt.Sprintf("nothing was changed: there is no terminal to confirm the removal of %s and %s", ui.Plural(plan.Surplus, "message"), ui.Plural(len(plan.Mailboxes), "mailbox")),
		Hint: "--dry-run shows what would be removed; --yes does not ask",
	}
	return p.Confirm(ctx, question+"Type \"remove\" to continue: ", noTerminal, func(answer string) bool { return answer == "remove" })
}

// planLines returns what would be removed, in lines.
func planLines(plan *restore.MirrorReport) []string {
	lines := []string{
		fmt.Sprintf("remove %s that the manifest does not have", ui.Plural(plan.Surplus, "message")),
		fmt.Sprintf("give %s the flags of the manifest", ui.Plural(plan.Reflagged, "message")),
	}
	if n := len(plan.Mailboxes); n > 0 {
		var names []string
		for _, name := range plan.Mailboxes[:min(n, ui.MaxRemarks)] {
			names = append(names, ui.Quote(name))
		}
		if n > ui.MaxRemarks {
			names = append(names, "…")
		}
		lines = append(lines, fmt.Sprintf("remove %s: %s", ui.Plural(n, "mailbox"), strings.Join(names, ", ")))
	}
	return lines
}

func (c *Command) describePrune(p *cli.Program, pruned *restore.MirrorReport) {
	switch {
	case pruned == nil:
	case c.DryRun:
		for _, line := range planLines(pruned) {
			p.Printf("would %s", line)
		}
	case pruned.Done:
		p.Printf("removed %s and %s; %s got new flags", ui.Plural(pruned.Removed, "message"),
			ui.Plural(pruned.MailboxesRemoved, "mailbox"), ui.Plural(pruned.FlagsSet, "message"))
		if pruned.Left > 0 {
			p.Warn("%s could not be removed, or changed meanwhile", ui.Plural(pruned.Left, "message"))
		}
	}
}

// restorePruneSummary is the result of --prune as JSON.
type restorePruneSummary struct {
	Surplus          int64    `json:"surplus"`   // messages that the manifest does not have
	Reflagged        int64    `json:"reflagged"` // messages with other flags
	Mailboxes        []string `json:"mailboxes"` // mailboxes that the manifest does not have
	Done             bool     `json:"done"`      // all was added, and removing began
	Removed          int64    `json:"removed"`
	Left             int64    `json:"left"`
	FlagsSet         int64    `json:"flags_set"`
	MailboxesRemoved int64    `json:"mailboxes_removed"`
}

func summarizeRestorePrune(pruned *restore.MirrorReport) *restorePruneSummary {
	if pruned == nil {
		return nil
	}
	return &restorePruneSummary{
		pruned.Surplus, pruned.Reflagged, summary.List(pruned.Mailboxes), pruned.Done, pruned.Removed,
		pruned.Left, pruned.FlagsSet, pruned.MailboxesRemoved,
	}
}
