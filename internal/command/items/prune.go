package items

import (
	"context"
	"fmt"
	"strings"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/collection"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/job"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/restore/items"
)

// checkPrune returns an error for flags that exclude --prune.
func (c *Command) checkPrune() error {
	switch {
	case !c.Prune && (c.Yes || c.EvenIncomplete):
		return hint.Usagef("--yes and --even-incomplete need --prune")
	case !c.Prune:
		return nil
	case c.To == "":
		return hint.Usagef("--prune needs --to")
	case strings.HasPrefix(c.To, "files:"):
		return hint.Usagef("--prune does not work with files; restore to a new directory")
	case len(c.Name) > 0 || c.MissingFrom != "":
		return hint.Usagef("--prune restores whole calendars and address books: it excludes --name and --missing-from")
	case c.Manifest == "":
		return &hint.Usage{
			Text: "--prune needs a manifest",
			Hint: "latest is the newest manifest, and mailstrata list shows all",
		}
	}
	return nil
}

// mirror returns what --prune asks for, or nil.
func (c *Command) mirror(
	ctx context.Context, p *cli.Program, r *repo.Repo, from *archive.Contents,
) (*items.Mirror, error) {
	if !c.Prune {
		return nil, nil
	}
	m := &items.Mirror{Whole: c.Collection == "", EvenIncomplete: c.EvenIncomplete}
	if !c.EvenIncomplete {
		found, err := archive.Suspect(ctx, r, archive.Summary{Head: from.Head, Manifest: from.Manifest},
			job.Limits(p.Host, nil))
		if err != nil {
			return nil, err
		}
		m.Alarm, m.Acknowledged = ui.OneLine(found.Text), found.Acknowledged
	}
	if !c.Yes {
		m.Confirm = func(ctx context.Context, plan items.Plan) error { return c.confirm(ctx, p, plan) }
	}
	return m, nil
}

// confirm shows what would be replaced and removed, and asks the user.
func (c *Command) confirm(ctx context.Context, p *cli.Program, plan items.Plan) error {
	lines := []string{
		fmt.Sprintf("add %s", ui.Plural(plan.Added, "item")),
		fmt.Sprintf("replace %s that have another content", ui.Plural(plan.Replaced, "item")),
		someOf(fmt.Sprintf("remove %s that the manifest does not have", ui.Plural(len(plan.Surplus), "item")), plan.Surplus),
	}
	if len(plan.Collections) > 0 {
		lines = append(lines, someOf("remove "+ui.Plural(len(plan.Collections), plan.Kind.String()), plan.Collections))
	}
	what := plan.Kind.String() + "s"
	if plan.Kind == collection.Sieve {
		what = plan.Kind.String()
	}
	question := fmt.Sprintf("The restore of %s to %s would:\n  %s\nType \"remove\" to continue: ",
		what, ui.Safe(c.To), strings.Join(lines, "\n  "))
	noTerminal := &hint.Error{
		Text: fmt.Sprintf("nothing was changed: there is no terminal to confirm that %s are replaced and %s removed",
			ui.Plural(plan.Replaced, "item"), ui.Plural(len(plan.Surplus), "item")),
		Hint: "--dry-run shows which; --yes does not ask",
	}
	return p.Confirm(ctx, question, noTerminal, func(answer string) bool { return answer == "remove" })
}

// someOf adds the first few names to a line.
func someOf(line string, names []string) string {
	if len(names) == 0 {
		return line
	}
	var quoted []string
	for _, name := range names[:min(len(names), ui.MaxRemarks)] {
		quoted = append(quoted, ui.Quote(name))
	}
	if len(names) > ui.MaxRemarks {
		quoted = append(quoted, "…")
	}
	return line + ": " + strings.Join(quoted, ", ")
}
