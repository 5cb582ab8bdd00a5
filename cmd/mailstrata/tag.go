package main

import (
	"context"
	"strings"

	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo/statement"
)

type pinCommand struct {
	Manifests []string `arg:"" name:"manifest" help:"The manifests to keep."`
}

func (*pinCommand) Help() string {
	return `forget keeps a pinned manifest, even if no rule keeps it, until "mailstrata unpin". Pinning adds the tag "pinned".

` + manifestHelp + `

EXAMPLES

    mailstrata pin 2026-03-14

` + exitStatus
}

func (c *pinCommand) Run(ctx context.Context, p *program) error {
	return changeTags(ctx, p, c.Manifests, []string{history.TagPinned}, nil)
}

type unpinCommand struct {
	Manifests []string `arg:"" name:"manifest" help:"The manifests to unpin."`
}

func (*unpinCommand) Help() string {
	return manifestHelp + `

EXAMPLES

    mailstrata unpin 2026-03-14

` + exitStatus
}

func (c *unpinCommand) Run(ctx context.Context, p *program) error {
	return changeTags(ctx, p, c.Manifests, nil, []string{history.TagPinned})
}

type tagCommand struct {
	Manifests []string `arg:"" name:"manifest" help:"The manifests."`
	Add       []string `sep:"none" placeholder:"TAG" help:"Add this tag (repeatable)."`
	Remove    []string `sep:"none" placeholder:"TAG" help:"Remove this tag (repeatable)."`
}

func (*tagCommand) Help() string {
	return `Tags are for "mailstrata forget --keep-tag". They are stored beside the manifest, signed by the owner; the manifest does not change. Without --add and --remove, mailstrata prints the tags.

` + manifestHelp + `

EXAMPLES

    mailstrata tag 2026-03-14 --add before-the-move
    mailstrata tag latest

` + exitStatus
}

// tagSummary is a manifest's tags as JSON.
type tagSummary struct {
	ID   string   `json:"id"`
	Tags []string `json:"tags"`
}

// Run changes tags, or prints them.
func (c *tagCommand) Run(ctx context.Context, p *program) error {
	for _, tag := range append(c.Add, c.Remove...) {
		if err := statement.CheckTag(tag); err != nil {
			return &hint.Usage{Text: err.Error()}
		}
	}
	return changeTags(ctx, p, c.Manifests, c.Add, c.Remove)
}

// tag adds and removes tags, if there are any, and prints those of the manifests.
func changeTags(ctx context.Context, p *program, names, added, removed []string) error {
	open, changes := p.Open, len(added)+len(removed) > 0
	if changes {
		open = p.OpenAsOwner
	}
	r, err := open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	heads, err := findHeads(ctx, p.Output, r, names)
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
		if p.json {
			if err := p.PrintJSON(tagSummary{id(head), list}); err != nil {
				return err
			}
			continue
		}
		p.Printf("%s %s", shortID(head), ui.Safe(strings.Join(list, ", ")))
	}
	return nil
}
