package items

import (
	"context"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/collection"
	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/restore/items"
)

// restore restores the chosen items, and prints what happened.
func (c *Command) restore(ctx context.Context, p *cli.Program, r *repo.Repo, chosen *chosenItems) error {
	mirror, err := c.mirror(ctx, p, r, chosen.from)
	if err != nil {
		return err
	}
	o := items.Options{
		Contents: chosen.from, Collections: c.has, Wants: chosen.wants,
		Overwrite: c.Overwrite, Activate: c.Activate, DryRun: c.DryRun, Mirror: mirror,
	}
	o.Done = func(e items.Event) { c.printEvent(p, e) }
	sum, err := c.restoreTo(ctx, p, o)
	if p.JSON {
		if printed := p.PrintJSON(struct {
			Collections int64 `json:"collections"`
			Added       int64 `json:"added"`
			Replaced    int64 `json:"replaced"`
			Present     int64 `json:"present"`
			Differing   int64 `json:"differing"`
			Failed      int64 `json:"failed"`

			Removed            int64 `json:"removed"`
			Left               int64 `json:"left"`
			CollectionsRemoved int64 `json:"collections_removed"`
		}{
			sum.Collections, sum.Added, sum.Replaced, sum.Present, sum.Differing, sum.Failed,
			sum.Removed, sum.Left, sum.CollectionsRemoved,
		}); printed != nil {
			return printed
		}
	} else if err == nil || sum != (items.Report{}) {
		verb := "restored"
		if c.DryRun {
			verb = "to be restored"
		}
		p.Printf("%s %s; replaced: %d; there already: %d; there with another content: %d; failed: %d",
			ui.Plural(sum.Added, "item"), verb, sum.Replaced, sum.Present, sum.Differing, sum.Failed)
		if c.Prune {
			p.Printf("removed: %s, and %s with all they had; not removed: %d",
				ui.Plural(sum.Removed, "item"), ui.Plural(sum.CollectionsRemoved, "collection"), sum.Left)
		}
	}
	if err == nil && sum.Failed+sum.Differing+sum.Left > 0 {
		err = cli.Partial("some items were not restored, or not removed")
	}
	return err
}

// restoreTo restores to files or to the servers of a URL or an account.
func (c *Command) restoreTo(ctx context.Context, p *cli.Program, o items.Options) (sum items.Report, err error) {
	if path, ok := strings.CutPrefix(c.To, "files:"); ok {
		if path, err = p.Host.Expand(path); err != nil {
			return sum, err
		}
		return items.ToFiles(ctx, path, o)
	}
	if kind, path, ok := strings.Cut(c.To, ":"); ok &&
		slices.Contains([]string{"maildir", "mbox", "eml", "zip", "tar"}, kind) {
		return sum, &hint.Usage{
			Text: "--to: " + kind + " holds mail, and no events, contacts and scripts",
			Hint: "use files:" + ui.Safe(path),
		}
	}
	targets, err := c.targets(p.Host)
	if err != nil {
		return sum, err
	}
	kinds := make(map[manifest.SourceKind]bool) // that the manifest has
	for s, err := range o.Contents.ItemSources(ctx) {
		if err == nil && c.hasSome(s) {
			kinds[s.Kind] = true
		}
	}
	for _, target := range targets {
		if !kinds[manifest.SourceKind(target.Kind())] {
			continue
		}
		report, err := items.ToServer(ctx, target, o)
		_ = target.Close()
		sum.Add(report)
		if err != nil {
			return sum, err
		}
	}
	return sum, nil
}

// hasSome reports whether a collection of the source is chosen.
func (c *Command) hasSome(s *manifest.ItemSource) bool {
	for i := range s.Collections {
		if c.has(s, &s.Collections[i]) {
			return true
		}
	}
	return false
}

// printEvent prints what needs a look.
func (c *Command) printEvent(p *cli.Program, e items.Event) {
	what := e.Kind.String() + " " + ui.Quote(e.Collection)
	if e.Item != "" {
		what += ", " + ui.Safe(e.Item)
	}
	switch {
	case e.Outcome == items.Failed:
		p.Warn("%s: %s", what, ui.OneLine(e.Err.Error()))
	case e.Outcome == items.Left:
		p.Warn("%s: not removed: %s", what, ui.OneLine(e.Err.Error()))
	case e.Outcome == items.Differing && e.Err != nil:
		p.Warn("%s: %s", what, ui.OneLine(e.Err.Error()))
	case e.Outcome == items.Differing:
		p.Warn("%s: the target has it with another content, which stays (--overwrite replaces it)", what)
	case c.DryRun && e.Outcome != items.Present && !p.JSON:
		p.Printf("%s: would be %s", what, string(e.Outcome))
	}
}

// targets returns the servers of --to.
func (c *Command) targets(h *access.Host) ([]collection.Target, error) {
	targets, err := h.ItemTargets(c.To, &c.AccountFlags)
	if err == nil && len(targets) == 0 {
		err = &hint.Usage{
			Text: "the account " + ui.Quote(c.To) + " has no scripts, calendars and address books in the configuration",
			Hint: "set its sieve, caldav or carddav, or name a URL",
		}
	}
	return targets, err
}
