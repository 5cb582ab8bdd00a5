package items

import (
	"context"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/collection"
	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/restore/items"
)

// itemSummary is an item as JSON.
type itemSummary struct {
	Kind       string `json:"kind"`
	Path       string `json:"path"` // of the collection
	Collection string `json:"collection"`
	Name       string `json:"name"` // of the file, as the server sent it, or of the script
	Summary    string `json:"summary,omitempty"`
	Size       int64  `json:"size"`
	ETag       string `json:"etag,omitempty"`
	Active     bool   `json:"active,omitempty"` // the server runs the script
}

// list lists collections, or items if these are chosen.
func (c *Command) list(ctx context.Context, p *cli.Program, chosen *chosenItems) error {
	p.Page()
	if c.Collection == "" && len(c.Name) == 0 && c.MissingFrom == "" {
		return c.listCollections(ctx, p, chosen)
	}
	var table *ui.Table
	if !p.JSON {
		table = p.Table("COLLECTION", "NAME", "    SIZE", "SUMMARY")
		defer table.Flush()
	}
	unread := 0
	for s, err := range chosen.from.ItemSources(ctx) {
		if err != nil {
			unread++
			p.Warn("%s", ui.OneLine(err.Error()))
			continue
		}
		for i := range s.Collections {
			for it, err := range chosen.from.Items(ctx, &s.Collections[i]) {
				if err == nil && chosen.wants(s, &s.Collections[i], it) {
					err = printItem(ctx, p, chosen, s, &s.Collections[i], it, table)
				}
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				if err != nil {
					unread++
					p.Warn("%s", ui.OneLine(err.Error()))
				}
			}
		}
	}
	if unread > 0 {
		return cli.Partial("some items could not be read")
	}
	return nil
}

func (c *Command) listCollections(ctx context.Context, p *cli.Program, chosen *chosenItems) error {
	all, unread := summary.Collections(ctx, chosen.from)
	var some []summary.Collection
	for _, s := range all {
		if c.Kind == "" || s.Kind == c.Kind {
			some = append(some, s)
		}
	}
	if !p.JSON {
		printTable(p, some)
		return unread
	}
	for _, s := range some {
		if err := p.PrintJSON(s); err != nil {
			return err
		}
	}
	return unread
}

// printItem prints an item, with its summary if the key can open it.
func printItem(
	ctx context.Context, p *cli.Program, chosen *chosenItems, s *manifest.ItemSource, c *manifest.Collection, it *manifest.Item, table *ui.Table,
) error {
	row := itemSummary{
		Kind: s.Kind.String(), Path: c.Path, Collection: summary.Title(s, c), Name: it.Name, Size: it.Size, ETag: it.ETag, Active: it.Active,
	}
	var unread error
	if chosen.readable {
		content, err := chosen.from.ItemContent(ctx, it)
		unread = err
		row.Summary = items.Summary(collection.Kind(s.Kind), content)
	}
	if table == nil {
		if err := p.PrintJSON(row); err != nil {
			return err
		}
		return unread
	}
	summary := row.Summary
	if row.Active {
		summary = "active"
	}
	table.Row(row.Collection, row.Name, ui.Right(ui.Size(row.Size), "    SIZE"), summary)
	return unread
}

// restore restores the chosen items, and prints what happened.
func (c *Command) restore(ctx context.Context, p *cli.Program, chosen *chosenItems) error {
	o := items.Options{Contents: chosen.from, Wants: chosen.wants, Overwrite: c.Overwrite, Activate: c.Activate, DryRun: c.DryRun}
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
		}{sum.Collections, sum.Added, sum.Replaced, sum.Present, sum.Differing, sum.Failed}); printed != nil {
			return printed
		}
	} else if err == nil || sum != (items.Report{}) {
		verb := "restored"
		if c.DryRun {
			verb = "to be restored"
		}
		p.Printf("%s %s; replaced: %d; there already: %d; there with another content: %d; failed: %d",
			ui.Plural(sum.Added, "item"), verb, sum.Replaced, sum.Present, sum.Differing, sum.Failed)
	}
	if err == nil && sum.Failed+sum.Differing > 0 {
		err = cli.Partial("some items were not restored")
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
	if kind, path, ok := strings.Cut(c.To, ":"); ok && slices.Contains([]string{"maildir", "mbox", "eml", "zip", "tar"}, kind) {
		return sum, &hint.Usage{Text: "--to: " + kind + " holds mail, and no events, contacts and scripts", Hint: "use files:" + ui.Safe(path)}
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
	case e.Outcome == items.Differing && c.Overwrite && e.Err != nil:
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

// printTable prints collections.
func printTable(p *cli.Program, all []summary.Collection) {
	t := p.Table("KIND", "COLLECTION", "   ITEMS", "    SIZE", "REMARKS")
	defer t.Flush()
	for _, s := range all {
		color := ui.Plain
		if !s.Complete {
			color = ui.Yellow
		}
		t.ColoredRow(color, s.Kind, s.Name, ui.Right(ui.Count(s.Items), "   ITEMS"), ui.Right(ui.Size(s.Bytes), "    SIZE"), s.Remarks())
	}
}
