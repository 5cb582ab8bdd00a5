package main

import (
	"context"
	"fmt"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

type repairCommand struct {
	Index    repairIndexCommand    `cmd:"" help:"Make the index anew, from the packs, where it is damaged or lost."`
	Manifest repairManifestCommand `cmd:"" help:"Lay a manifest without what cannot be had any more, so that the next backup asks for it again."`
}

type repairIndexCommand struct{}

func (*repairIndexCommand) Help() string {
	return `Every pack says itself what it holds. Packs that no index names get one, and index objects that are damaged are removed, if the store lets them be. Nothing else is changed. It needs an owner's key.

` + exitStatus
}

func (c *repairIndexCommand) Run(ctx context.Context, p *program) error {
	r, err := p.open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	problems := 0
	packs, err := r.Reindex(ctx, func(problem repo.Problem) {
		if !problem.Kind.Harmless() {
			problems++
			p.warn("%s", oneLine(problem.String()))
		}
	})
	if err != nil {
		return err
	}
	if p.flags.JSON {
		err = p.printJSON(map[string]int{"packs": packs, "problems": problems})
	} else {
		p.printf("%s indexed", plural(packs, "pack"))
	}
	if err == nil && problems > 0 {
		err = &outcome{statusPartial, plural(problems, "object") + " could not be read"}
	}
	return err
}

type repairManifestCommand struct {
	Manifest string `arg:"" help:"The manifest: the beginning of its id, \"latest\", or a date."`
}

func (*repairManifestCommand) Help() string {
	return `Reads all mail that a manifest refers to. If something cannot be had, a new manifest is laid without it. It names among its failures what is missing, and stands right after the old one, which stays. The next backup after a repaired latest manifest asks the server again for what is missing.

` + manifestHelp + `

EXAMPLES

    mailstrata check --read-data
    mailstrata repair manifest latest

JSON: id of the manifest, repaired (the id of the new one), and lost: a list of mailbox, uid and reason.

EXIT STATUS

0 nothing is missing; 1 failed; 2 the command line makes no sense; 3 done, and some messages are lost; 130 interrupted.`
}

// repairSummary is a repair as JSON.
type repairSummary struct {
	ID       string           `json:"id"`
	Repaired string           `json:"repaired,omitempty"`
	Lost     []failureSummary `json:"lost"`
}

func (c *repairManifestCommand) Run(ctx context.Context, p *program) error {
	r, err := p.open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := mayRead(r); err != nil {
		return err
	}
	contents, err := p.choose(ctx, r, c.Manifest)
	if err != nil {
		return err
	}
	told := p.progress("verified")
	done := tally{total: contents.Manifest.Totals.Messages}
	repaired, err := archive.Repair(ctx, r, contents.Head, func(record manifest.Record) {
		done.messages++
		done.bytes += record.Size
		told.update("", done)
	})
	told.done()
	if err != nil {
		return err
	}
	return c.tell(p, contents, repaired)
}

func (c *repairManifestCommand) tell(p *program, contents *archive.Contents, repaired archive.Repaired) error {
	if p.flags.JSON {
		s := repairSummary{ID: id(contents.Head), Lost: failureSummaries(repaired.Lost)}
		if repaired.Head.Name != "" {
			s.Repaired = id(repaired.Head)
		}
		if err := p.printJSON(s); err != nil {
			return err
		}
	} else {
		c.print(p, contents, repaired)
	}
	if len(repaired.Lost) > 0 {
		return &outcome{statusPartial, plural(len(repaired.Lost), "message or page") + " cannot be had"}
	}
	return nil
}

func (c *repairManifestCommand) print(p *program, contents *archive.Contents, repaired archive.Repaired) {
	if len(repaired.Lost) == 0 {
		p.printf("manifest %s has all that it refers to; there is nothing to repair", shortID(contents.Head))
		return
	}
	for _, failure := range repaired.Lost[:min(len(repaired.Lost), remarksAtMost)] {
		p.printf("%s", safe(fmt.Sprintf("mailbox %q, UID %d: %s", failure.Mailbox, failure.UID, failure.Reason)))
	}
	if more := len(repaired.Lost) - remarksAtMost; more > 0 {
		p.printf("… and %s more; --json tells them all", count(more))
	}
	if repaired.Head.Name != "" {
		p.printf("manifest %s is %s without them", shortID(repaired.Head), shortID(contents.Head))
	}
}
