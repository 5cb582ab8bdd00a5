package items

import (
	"context"

	"github.com/mailstrata/mailstrata/collection"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/manifest"
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
		row.Summary = collection.Summarize(collection.Kind(s.Kind), content).String()
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

// printTable prints collections.
func printTable(p *cli.Program, all []summary.Collection) {
	t := p.Table("KIND", "COLLECTION", "   ITEMS", "    SIZE", "REMARKS")
	defer t.Flush()
	for _, s := range all {
		color := ui.Plain
		if !s.Complete {
			color = ui.Yellow
		}
		t.ColoredRow(color, s.Kind, s.Name, ui.Right(ui.Count(s.Items), "   ITEMS"),
			ui.Right(ui.Size(s.Bytes), "    SIZE"), s.Remarks())
	}
}
