// Package items is the command that lists and restores scripts, calendars and address books.
package items

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/collection"
	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/named"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// Command lists scripts, calendars and address books, or restores them.
type Command struct {
	Manifest   string `arg:"" optional:"" help:"Which manifest: an id, latest (default), latest~2, a date, friday; with ACCOUNT@ before it if needed."`
	Collection string `arg:"" optional:"" help:"Only this calendar or address book, by name or path, or \"scripts\". Lists its items."`

	Kind string   `group:"query" enum:",sieve,calendar,addressbook" default:"" placeholder:"KIND" help:"Only sieve, calendar or addressbook."`
	Name []string `group:"query" sep:"none" placeholder:"TEXT" help:"Only items with this text in their file name, or in the summary of an event or the name of a person (repeatable: all of them)."`

	MissingFrom string `group:"query" placeholder:"MANIFEST" help:"Only items that this manifest of the same account does not have with the same content."`

	To                  string `group:"target" placeholder:"TARGET" help:"Restore: files:DIR, https://user@host (CalDAV and CardDAV), sieve://user@host, or the name of an account in the configuration."`
	Overwrite           bool   `group:"target" help:"Replace items of the target that have another content. By default these stay."`
	Activate            bool   `group:"target" help:"Make the script active that was active. By default no script is made active."`
	DryRun              bool   `group:"target" help:"Only show what would be restored."`
	Prune               bool   `group:"target" help:"Make the target exactly as the manifest: replace items with another content, and after everything was added, remove items and whole calendars that the manifest does not have. Shows what would go, and asks."`
	Yes                 bool   `group:"target" help:"With --prune: do not ask."`
	EvenIncomplete      bool   `group:"target" help:"With --prune: also if the manifest may lack items, or the target refuses some."`
	access.AccountFlags `embed:""`
}

func (*Command) Help() string {
	return `Lists the Sieve scripts, calendars and address books that a manifest has beside mail, or restores them. The configuration says what is archived (docs/guides/calendars.md).

With COLLECTION, --name or --missing-from it lists items: scripts, events and contacts.

--to restores what is chosen. A restore only adds: what the target has under the same name stays, and is listed if it has another content. The same restore again adds nothing. A calendar that the target does not have is made. With --prune the target of a restore has nothing else than the manifest afterwards: of COLLECTION alone, if it is named. files:DIR gets .sieve, .ics and .vcf files, byte for byte.

` + cli.ManifestHelp + `

EXAMPLES

    mailstrata items
    mailstrata items latest Work
    mailstrata items 2026-03-13 --name 'board meeting'
    mailstrata items 2026-03-13 --missing-from latest
    mailstrata items friday --missing-from latest --to https://anna@dav.example
    mailstrata items friday Work --to https://anna@dav.example --prune --dry-run
    mailstrata items latest --kind addressbook --to files:/tmp/contacts

EXIT STATUS

0 done; 1 failed; 2 invalid command line; 3 done, but some items could not be read or restored, or the target has them with another content; 130 interrupted.`
}

// chosenItems says which items are chosen. A key says where an item is: kind, path and name.
type chosenItems struct {
	command *Command
	ctx     context.Context
	from    *archive.Contents

	readable bool               // the key can open items
	other    map[itemKey]string // what another manifest has; nil: it does not matter
	unread   error
}

type itemKey struct {
	kind       manifest.SourceKind
	path, name string
}

func (c *Command) Run(ctx context.Context, p *cli.Program, r *repo.Repo) error {
	if c.Collection == "" && c.Manifest != "" {
		if _, err := named.ParseRef(c.Manifest); err != nil {
			c.Manifest, c.Collection = "", c.Manifest // a collection of the newest
		}
	}
	if c.To == "" && (c.Overwrite || c.DryRun || c.Activate) {
		return hint.Usagef("--overwrite, --activate and --dry-run need --to")
	}
	if err := c.checkPrune(); err != nil {
		return err
	}
	readable := access.MayRead(r)
	if err := readable; err != nil && (c.To != "" || len(c.Name) > 0) {
		return err
	}
	contents, err := named.Manifest(ctx, p.Output, r, cmp.Or(c.Manifest, "latest"))
	if err != nil {
		return err
	}
	contents.KeepMail()
	chosen := &chosenItems{command: c, ctx: ctx, from: contents, readable: readable == nil}
	if c.MissingFrom != "" {
		other, err := named.Manifest(ctx, p.Output, r, c.MissingFrom)
		if err != nil {
			return err
		}
		if other.Manifest.Account != contents.Manifest.Account {
			return &hint.Usage{
				Text: "--missing-from names a manifest of another account",
				Hint: "name one of " + ui.Safe(contents.Manifest.Account),
			}
		}
		other.ShareReader(contents)
		if chosen.other, err = itemsOf(ctx, other); err != nil {
			return err
		}
	}
	if len(contents.Manifest.ItemSources) == 0 {
		p.Note("this manifest has no scripts, calendars and address books; docs/guides/calendars.md says how to archive them")
		return nil
	}
	if err := c.checkCollection(ctx, contents); err != nil {
		return err
	}
	if c.To != "" {
		err = c.restore(ctx, p, r, chosen)
	} else {
		err = c.list(ctx, p, chosen)
	}
	return cmp.Or(err, chosen.unread)
}

// itemsOf returns the chunks of each item of a manifest.
func itemsOf(ctx context.Context, c *archive.Contents) (map[itemKey]string, error) {
	all := make(map[itemKey]string)
	for s, err := range c.ItemSources(ctx) {
		if err != nil {
			return nil, err
		}
		for i := range s.Collections {
			for it, err := range c.Items(ctx, &s.Collections[i]) {
				if err != nil {
					return nil, err
				}
				all[itemKey{s.Kind, s.Collections[i].Path, it.Name}] = contentOf(it)
			}
		}
	}
	return all, nil
}

// contentOf identifies the content of an item within a repository.
func contentOf(it *manifest.Item) string {
	return fmt.Sprint(it.Size, it.Chunks, it.List)
}

// has reports whether a collection is chosen.
func (c *Command) has(s *manifest.ItemSource, of *manifest.Collection) bool {
	if c.Kind != "" && c.Kind != s.Kind.String() {
		return false
	}
	return c.Collection == "" || c.Collection == summary.Title(s, of) || c.Collection == of.Path
}

// checkCollection returns an error if no collection is chosen.
func (c *Command) checkCollection(ctx context.Context, contents *archive.Contents) error {
	var names []string
	for s, err := range contents.ItemSources(ctx) {
		if err != nil {
			return nil // others may be chosen
		}
		for i := range s.Collections {
			if c.has(s, &s.Collections[i]) {
				return nil
			}
			names = append(names, summary.Title(s, &s.Collections[i]))
		}
	}
	if c.Collection == "" {
		return nil
	}
	wrong := &hint.Error{
		Text: "the manifest has no calendar or address book " + ui.Quote(c.Collection),
		Hint: "mailstrata items lists them",
	}
	if near := ui.DidYouMean(c.Collection, names); near != "" {
		wrong.Hint = near
	}
	return wrong
}

// wants implements items.Options.Wants.
func (c *chosenItems) wants(s *manifest.ItemSource, of *manifest.Collection, it *manifest.Item) bool {
	if !c.command.has(s, of) {
		return false
	}
	if c.other != nil && c.other[itemKey{s.Kind, of.Path, it.Name}] == contentOf(it) {
		return false
	}
	if len(c.command.Name) == 0 {
		return true
	}
	content, err := c.from.ItemContent(c.ctx, it)
	if err != nil {
		c.unread = cli.Partial("some items could not be read: " + ui.OneLine(err.Error()))
	}
	text := strings.ToLower(it.Name + "\n" + collection.Summarize(collection.Kind(s.Kind), content).String())
	return !slices.ContainsFunc(c.command.Name, func(word string) bool { return !strings.Contains(text, strings.ToLower(word)) })
}
