// Package index has the command index: it builds, shows and drops the index of words on this host.
package index

import (
	"context"
	"fmt"

	"github.com/mailstrata/mailstrata/archive/textindex"
	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/wordindex"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/repo"
)

// Command builds, shows and drops the index of words on this host.
type Command struct {
	Build  indexBuildCommand  `cmd:"" help:"Build the index of words, or bring it up to date."`
	Status indexStatusCommand `cmd:"" help:"Show the index of words on this host."`
	Drop   indexDropCommand   `cmd:"" help:"Remove the index of words from this host."`
}

func (*Command) Help() string {
	return `The index makes "mailstrata find WORDS" fast. It is in the cache directory of this host, encrypted, and has the words of the messages of all manifests. It can be built only with an owner's key. "find" brings it up to date, and so does "backup --index" every night. "repair index" is about another index: that of the packs.

EXAMPLES

    mailstrata index build
    mailstrata index status
    mailstrata index drop

` + cli.ExitStatus
}

type indexBuildCommand struct{}

func (*indexBuildCommand) Help() string {
	return `Reads the messages that the index lacks, of all manifests, but no attachments without words. The first time it prints beforehand how much that is. If it is interrupted, the next build goes on from there. What could not be read before, because it was damaged or because this host could not read PDFs, is read again.

EXAMPLES

    mailstrata index build

EXIT STATUS

0 done; 1 failed; 2 invalid command line; 3 done, but some messages could not be read; 130 interrupted.`
}

func (c *indexBuildCommand) Run(ctx context.Context, p *cli.Program, r *repo.Repo) error {
	if err := access.MayRead(r); err != nil {
		return err
	}
	x, report, err := wordindex.Bring(ctx, p, r, true)
	if err != nil {
		return err
	}
	defer x.Close()
	status, err := x.Status(ctx)
	if err != nil {
		return err
	}
	if p.JSON {
		document := summarizeWords(status)
		document.Added, document.Removed, document.Unread = &report.Messages, &report.Removed, &report.Unread
		document.Documents, document.Again = &report.Documents, &report.Again
		if err := p.PrintJSON(document); err != nil {
			return err
		}
	} else {
		p.Folded(ui.Plain, fmt.Sprintf("%s added, %s removed; %s of %s in the index, %s on disk", ui.Plural(report.Messages, "message"),
			ui.Count(report.Removed), ui.Plural(status.Messages, "message"), ui.Plural(status.Manifests, "manifest"), ui.Size(status.Bytes)), "  ")
	}
	if report.Again > 0 {
		p.Note("%s could not be read whole before, and now could", ui.Plural(report.Again, "message"))
	}
	if report.Documents > 0 {
		p.Note("%s without readable text, found by name alone; --verbose prints why",
			ui.Plural(int64(report.Documents), "document"))
	}
	if report.Unread > 0 {
		return cli.Partial("some messages could not be read, so their words are not in the index")
	}
	return nil
}

type indexStatusCommand struct{}

func (*indexStatusCommand) Help() string {
	return cli.ExitStatus
}

func (c *indexStatusCommand) Run(ctx context.Context, p *cli.Program, r *repo.Repo) error {
	if err := access.MayRead(r); err != nil {
		return err
	}
	if !textindex.Exists(r) {
		if p.JSON {
			return p.PrintJSON(wordsSummary{})
		}
		p.Printf("this host has no index of words; mailstrata index build makes one")
		return nil
	}
	x, dropped, err := textindex.Open(ctx, r)
	if err != nil {
		return err
	}
	defer x.Close()
	if dropped {
		wordindex.WarnDropped(p.Output)
	}
	status, err := x.Status(ctx)
	if err != nil {
		return err
	}
	if p.JSON {
		return p.PrintJSON(summarizeWords(status))
	}
	p.Facts("distinct messages", ui.Count(status.Messages), "manifests",
		ui.Count(status.Manifests), "size", ui.Size(status.Bytes), "directory", textindex.Dir(r))
	if status.LackingMessages > 0 {
		p.Note("of %s, text could not be read; it is tried again once a day, and by mailstrata index build",
			ui.Plural(int64(status.LackingMessages), "message"))
	}
	if status.LackingManifests > 0 {
		p.Note("of %s, messages are missing, because a part of it is damaged; it is tried again in the same way",
			ui.Plural(int64(status.LackingManifests), "manifest"))
	}
	return nil
}

type indexDropCommand struct{}

func (*indexDropCommand) Help() string {
	return cli.ExitStatus
}

func (c *indexDropCommand) Run(ctx context.Context, p *cli.Program, r *repo.Repo) error {
	if err := textindex.Drop(ctx, r); err != nil {
		return err
	}
	p.Note("this host has no index of words now")
	return nil
}

// wordsSummary is an index of words as JSON.
type wordsSummary struct {
	Messages  int64  `json:"messages"`
	Manifests int    `json:"manifests"`
	Bytes     int64  `json:"bytes"`
	Lacking   int    `json:"lacking_messages"`
	Damaged   int    `json:"lacking_manifests"`
	Added     *int64 `json:"added,omitempty"`
	Removed   *int64 `json:"removed,omitempty"`
	Unread    *int   `json:"unread,omitempty"`
	Documents *int   `json:"unread_documents,omitempty"`
	Again     *int64 `json:"read_again,omitempty"`
}

func summarizeWords(s textindex.Status) wordsSummary {
	return wordsSummary{
		Messages: s.Messages, Manifests: s.Manifests, Bytes: s.Bytes, Lacking: s.LackingMessages,
		Damaged: s.LackingManifests,
	}
}
