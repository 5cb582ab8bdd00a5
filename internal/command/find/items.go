package find

import (
	"cmp"
	"context"
	"errors"
	"iter"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/itemsearch"
	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/named"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo"
)

// itemQuery returns the conditions for items. It refuses those that messages alone can meet.
func (c *Command) itemQuery() (q itemsearch.Query, err error) {
	query, err := c.Search(c.To)
	if err != nil {
		return q, err
	}
	dates := search.Query{Since: query.Since, Before: query.Before}
	query.Since, query.Before = q.Since, q.Before
	switch {
	case !query.IsZero() || len(c.Mailbox)+len(c.Exclude)+len(c.Query) > 0 || c.Limit != nil || c.NoIndex:
		err = hint.Usagef("--items takes words, --since, --before, --account and --all: its other conditions are for messages")
	case c.All && c.Manifest != "":
		err = hint.Usagef("--all searches all manifests; do not name one")
	case c.Account != "" && c.Manifest != "":
		err = hint.Usagef("put the account before the manifest: %s@%s", ui.Safe(c.Account), ui.Safe(c.Manifest))
	}
	return itemsearch.Query{Words: c.Text, Since: dates.Since, Before: dates.Before}, err
}

// findItems finds scripts, events and contacts.
func (c *Command) findItems(ctx context.Context, p *cli.Program) error {
	if c.Manifest != "" && len(c.Text) == 0 && c.Since == "" && c.Before == "" && isWord(c.Manifest) {
		c.firstIsText()
	}
	q, err := c.itemQuery()
	if err != nil {
		return err
	}
	r, err := p.Open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := access.MayRead(r); err != nil {
		return err
	}
	f := &foundItems{Program: p, all: c.All}
	found, err := c.itemsFound(ctx, p, r, q)
	if errors.Is(err, history.ErrNoMatch) && c.Manifest != "" && isWord(c.Manifest) {
		p.Note("searching for %s; no manifest has that name", ui.Quote(c.Manifest))
		c.firstIsText()
		q.Words = c.Text
		found, err = c.itemsFound(ctx, p, r, q)
	}
	if err != nil {
		return err
	}
	p.Page()
	for hit, err := range found {
		if err := f.add(ctx, hit, err); err != nil {
			return err
		}
	}
	return f.end()
}

// itemsFound searches the manifests that are chosen.
func (c *Command) itemsFound(
	ctx context.Context, p *cli.Program, r *repo.Repo, q itemsearch.Query,
) (iter.Seq2[*itemsearch.Hit, error], error) {
	if c.All {
		return itemsearch.FindAll(ctx, r, c.Account, q), nil
	}
	ref := c.Manifest
	if c.Account != "" {
		ref = c.Account + "@latest"
	}
	var manifests []*archive.Contents
	if ref == "" {
		latest, err := archive.Latest(ctx, r)
		if err != nil {
			return nil, err
		}
		manifests = latest
	} else {
		one, err := named.Manifest(ctx, p.Output, r, ref)
		if err != nil {
			return nil, err
		}
		manifests = append(manifests, one)
	}
	return func(yield func(*itemsearch.Hit, error) bool) {
		for _, contents := range manifests {
			contents.KeepMail()
			for hit, err := range itemsearch.Find(ctx, contents, q) {
				if !yield(hit, err) {
					return
				}
			}
		}
	}, nil
}

// foundItems prints items.
type foundItems struct {
	*cli.Program
	all    bool
	table  *ui.Table
	first  *itemsearch.Hit
	found  int64
	unread int
}

// foundItem is an item that was found, as JSON.
type foundItem struct {
	Manifest   string             `json:"manifest"`
	Account    string             `json:"account"`
	Kind       string             `json:"kind"`
	Path       string             `json:"path"` // of the collection
	Collection string             `json:"collection"`
	Name       string             `json:"name"` // of the file, as the server sent it, or of the script
	Summary    string             `json:"summary,omitempty"`
	Start      string             `json:"start,omitempty"` // as it is written in the event
	Size       int64              `json:"size"`
	First      *summary.Reference `json:"first,omitempty"` // with --all: the oldest manifest that has it like this
	Last       *summary.Reference `json:"last,omitempty"`  // and the newest
}

// add prints an item, or what could not be read.
func (f *foundItems) add(ctx context.Context, hit *itemsearch.Hit, err error) error {
	if err != nil {
		if ctx.Err() != nil || !archive.IsDamage(err) {
			return cmp.Or(context.Cause(ctx), err)
		}
		f.unread++
		f.Warn("%s", ui.OneLine(err.Error()))
		return nil
	}
	f.found++
	if f.first == nil {
		f.first = hit
	}
	title := summary.Title(hit.Source, hit.Collection)
	if f.JSON {
		found := foundItem{
			Manifest: summary.ID(hit.Last), Account: hit.Account, Kind: hit.Source.Kind.String(), Path: hit.Collection.Path, Collection: title,
			Name: hit.Item.Name, Summary: hit.Summary.Name, Start: hit.Summary.Start, Size: hit.Item.Size,
		}
		if f.all {
			found.First, found.Last = summary.OfHead(hit.First), summary.OfHead(hit.Last)
		}
		return f.PrintJSON(found)
	}
	if f.table == nil {
		headings := []string{"ACCOUNT", "COLLECTION", "NAME", "DATE", "SUMMARY"}
		if f.all {
			headings = append([]string{"FIRST", "LAST"}, headings...)
		}
		f.table = f.Table(headings...)
	}
	day := ""
	if at := hit.Summary.Day(); !at.IsZero() {
		day = at.Format("2006-01-02")
	}
	cells := []string{hit.Account, title, hit.Item.Name, day, hit.Summary.Name}
	if f.all {
		cells = append([]string{nameAndDay(hit.First), nameAndDay(hit.Last)}, cells...)
	}
	f.table.Row(cells...)
	return nil
}

// end shows how to get the first item back, or that there is none.
func (f *foundItems) end() error {
	if f.table != nil {
		f.table.Flush()
	}
	switch {
	case f.found == 0 && f.all:
		f.Note("nothing found in any manifest")
	case f.found == 0:
		f.Note("nothing found; --all searches older manifests too")
	case !f.JSON:
		what := "the first of them"
		if f.found == 1 {
			what = "it"
		}
		f.Note("to restore %s: mailstrata items %s %s --name %s --to files:DIRECTORY", what, summary.ShortID(f.first.Last),
			ui.ShellWord(summary.Title(f.first.Source, f.first.Collection)), ui.ShellWord(f.first.Item.Name))
	}
	if f.unread > 0 {
		return cli.Partial("some of it could not be read")
	}
	return nil
}
