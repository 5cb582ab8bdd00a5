package retain

import (
	"context"
	"strings"

	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/named"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo/statement"
)

// Pin keeps manifests, even if no rule keeps them.
type Pin struct {
	Manifests []string `arg:"" name:"manifest" help:"The manifests to keep."`
}

func (*Pin) Help() string {
	return `forget keeps a pinned manifest, even if no rule keeps it, until "mailstrata unpin". Pinning adds the tag "pinned".

` + cli.ManifestHelp + `

EXAMPLES

    mailstrata pin 2026-03-14

` + cli.ExitStatus
}

func (c *Pin) Run(ctx context.Context, p *cli.Program) error {
	return changeTags(ctx, p, c.Manifests, []string{history.TagPinned}, nil)
}

// Unpin lets the policy apply to pinned manifests again.
type Unpin struct {
	Manifests []string `arg:"" name:"manifest" help:"The manifests to unpin."`
}

func (*Unpin) Help() string {
	return cli.ManifestHelp + `

EXAMPLES

    mailstrata unpin 2026-03-14

` + cli.ExitStatus
}

func (c *Unpin) Run(ctx context.Context, p *cli.Program) error {
	return changeTags(ctx, p, c.Manifests, nil, []string{history.TagPinned})
}

// Tag adds, removes or shows the tags of manifests.
type Tag struct {
	Manifests []string `arg:"" name:"manifest" help:"The manifests."`
	Add       []string `sep:"none" placeholder:"TAG" help:"Add this tag (repeatable)."`
	Remove    []string `sep:"none" placeholder:"TAG" help:"Remove this tag (repeatable)."`
}

func (*Tag) Help() string {
	return `Tags are for "mailstrata forget --keep-tag". They are stored beside the manifest, signed by the owner; the manifest does not change. Without --add and --remove, mailstrata prints the tags.

` + cli.ManifestHelp + `

EXAMPLES

    mailstrata tag 2026-03-14 --add before-the-move
    mailstrata tag latest

` + cli.ExitStatus
}

// tagSummary is a manifest's tags as JSON.
type tagSummary struct {
	ID   string   `json:"id"`
	Tags []string `json:"tags"`
}

// Run changes tags, or prints them.
func (c *Tag) Run(ctx context.Context, p *cli.Program) error {
	for _, tag := range append(c.Add, c.Remove...) {
		if err := statement.CheckTag(tag); err != nil {
			return &hint.Usage{Text: err.Error()}
		}
	}
	return changeTags(ctx, p, c.Manifests, c.Add, c.Remove)
}

// changeTags adds and removes tags, if there are any, and prints those of the manifests.
func changeTags(ctx context.Context, p *cli.Program, names, added, removed []string) error {
	open, changes := p.Open, len(added)+len(removed) > 0
	if changes {
		open = p.OpenAsOwner
	}
	r, err := open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	heads, err := named.Heads(ctx, p.Output, r, names)
	if err != nil {
		return err
	}
	if changes {
		for _, head := range heads {
			if err := r.Tag(ctx, head, added, removed); err != nil {
				return err
			}
		}
	}
	tags, err := r.Tags(ctx)
	if err != nil {
		return err
	}
	for _, head := range heads {
		list := append([]string{}, tags[head.Name]...)
		if p.JSON {
			if err := p.PrintJSON(tagSummary{summary.ID(head), list}); err != nil {
				return err
			}
			continue
		}
		p.Printf("%s %s", summary.ShortID(head), ui.Safe(strings.Join(list, ", ")))
	}
	return nil
}
