package maintain

import (
	"context"
	"errors"
	"fmt"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/rewrite"
	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/named"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store"
)

// Repair repairs the index, damaged packs or a manifest, and brings hidden objects back.
type Repair struct {
	Index    repairIndexCommand    `cmd:"" help:"Rebuild the index from the packs."`
	Packs    repairPacksCommand    `cmd:"" help:"Save what can be read of damaged packs; the next backup stores the rest again."`
	Manifest repairManifestCommand `cmd:"" help:"Write a manifest without what is lost; the next backup asks the server for it."`
	Hidden   repairHiddenCommand   `cmd:"" help:"In a bucket with Object Lock: remove the delete markers and other versions over objects."`
}

type repairIndexCommand struct{}

func (*repairIndexCommand) Help() string {
	return `Adds packs that are missing from the index, and removes damaged index objects, if the store allows it. It changes nothing else. It needs an owner's key.

` + cli.ExitStatus
}

func (c *repairIndexCommand) Run(ctx context.Context, p *cli.Program, r *repo.Repo) error {
	problems := 0
	packs, err := r.Reindex(ctx, func(problem repo.Problem) {
		if !problem.Kind.Harmless() {
			problems++
			p.Warn("%s", ui.OneLine(problem.String()))
		}
	})
	if err != nil {
		return err
	}
	if p.JSON {
		err = p.PrintJSON(map[string]int{"packs": packs, "problems": problems})
	} else {
		p.Printf("%s indexed", ui.Plural(packs, "pack"))
	}
	if err == nil && problems > 0 {
		err = cli.Partial(ui.Plural(problems, "object") + " could not be read")
	}
	return err
}

type repairPacksCommand struct {
	Pack []string `arg:"" optional:"" help:"Packs that check names, data/… or catalog/…. Default: mailstrata reads all mail to find the damaged ones."`

	left int // packs that the store lists but cannot read
}

func (*repairPacksCommand) Help() string {
	return `Stores what can be read of damaged packs in new ones, and condemns the damaged ones: mailstrata prune deletes them a day later. If something is lost, it writes a manifest without it for each account whose newest manifest needs it, so that the next backup asks the server again. It needs an owner's key.

EXAMPLES

    mailstrata check --read-data
    mailstrata repair packs
    mailstrata backup

EXIT STATUS

0 nothing is lost; 1 failed; 2 invalid command line; 3 done, and something is lost; 130 interrupted.`
}

func (c *repairPacksCommand) Run(ctx context.Context, p *cli.Program, r *repo.Repo) error {
	packs, err := c.packs(ctx, p, r)
	if err != nil {
		return err
	}
	var mended repo.Repaired
	if len(packs) > 0 {
		mended, err = r.RepairPacks(ctx, packs, func(problem repo.Problem) { p.Warn("%s", ui.OneLine(problem.String())) })
		if err != nil {
			return err
		}
	}
	manifests, messages := int64(0), int64(0)
	if mended.Lost > 0 {
		err = rewrite.RepairLost(ctx, r, func(s archive.Summary, repaired rewrite.Repaired) {
			manifests, messages = manifests+1, messages+int64(len(repaired.Lost))
			if !p.JSON {
				p.Printf("manifest %s of %s is %s without %s", summary.ShortID(repaired.Head), ui.Safe(s.Manifest.Account), summary.ShortID(s.Head),
					ui.Plural(len(repaired.Lost), "message or page"))
			}
		})
		if err != nil {
			return err
		}
	}
	if p.JSON {
		err = p.PrintJSON(map[string]int64{
			"packs": int64(mended.Packs), "chunks": mended.Chunks, "lost": mended.Lost, "manifests": manifests, "messages": messages,
		})
	} else {
		p.Printf("%s: %s saved, %s lost",
			ui.Plural(mended.Packs, "damaged pack"), ui.Plural(mended.Chunks, "chunk"), ui.Count(mended.Lost))
	}
	switch {
	case err != nil:
	case mended.Lost > 0:
		err = cli.Partial("something is lost; the next backup fetches what the server still has")
	case c.left > 0:
		err = cli.Partial(ui.Plural(c.left, "pack") + " that the store lists cannot be read")
	}
	return err
}

// packs returns the packs that are named, or else all that are damaged.
func (c *repairPacksCommand) packs(ctx context.Context, p *cli.Program, r *repo.Repo) (packs []repo.Pack, err error) {
	for _, name := range c.Pack {
		pack, ok := repo.ParsePack(name)
		if !ok {
			return nil, hint.Usagef("%s is not a pack: check names them, data/… or catalog/…", ui.Quote(name))
		}
		packs = append(packs, pack)
	}
	if len(packs) > 0 {
		return packs, nil
	}
	if err := access.MayRead(r); err != nil {
		return nil, err
	}
	p.Note("reading all mail …")
	_, err = r.Check(ctx, repo.AllPacks, repo.Share{}, func(problem repo.Problem) {
		pack, ok := repo.ParsePack(problem.Object)
		switch {
		case !ok || !problem.Kind.Damage():
		case errors.Is(problem.Err, store.ErrNotExist):
			p.Warn("%s; the store may have a problem, so mailstrata keeps this pack: mailstrata repair packs %s gives it up",
				ui.OneLine(problem.String()), problem.Object)
			c.left++
		default:
			packs = append(packs, pack)
		}
	}, nil)
	return packs, err
}

type repairManifestCommand struct {
	Manifest   string `arg:"" help:"The manifest: the beginning of its id, latest, or a date."`
	AllowEmpty bool   `help:"Write a manifest even if none of its messages can be read."`
}

func (*repairManifestCommand) Help() string {
	return `Reads all mail of a manifest. If something is missing, it writes a new manifest without it, right after the old one, which stays. The new one lists what is missing among its failures. The next backup after a repaired latest manifest asks the server for it again.

` + cli.ManifestHelp + `

EXAMPLES

    mailstrata check --read-data
    mailstrata repair manifest latest

EXIT STATUS

0 nothing is missing; 1 failed; 2 invalid command line; 3 done, and some messages are lost; 130 interrupted.`
}

// repairSummary is a repair as JSON.
type repairSummary struct {
	ID       string            `json:"id"`
	Repaired string            `json:"repaired,omitempty"`
	Lost     []summary.Failure `json:"lost"`
}

func (c *repairManifestCommand) Run(ctx context.Context, p *cli.Program, r *repo.Repo) error {
	if err := access.MayRead(r); err != nil {
		return err
	}
	contents, err := named.Manifest(ctx, p.Output, r, c.Manifest)
	if err != nil {
		return err
	}
	progress := p.Progress("verified")
	done := ui.Tally{Total: contents.Manifest.Totals.Messages}
	verified := func(record manifest.Record) {
		done.Messages++
		done.Bytes += record.Size
		progress.Update("", done)
	}
	repaired, err := rewrite.Repair(ctx, r, contents.Head, rewrite.RepairOptions{
		Empty: c.AllowEmpty, Progress: verified,
	})
	progress.Done()
	if errors.Is(err, rewrite.ErrNothingReadable) {
		return &hint.Error{
			Text: fmt.Sprintf("manifest %s: %v: %s", summary.ShortID(contents.Head), err, ui.OneLine(repaired.Lost[0].Reason)),
			Hint: "mailstrata check shows what is damaged; if the mail is gone, --allow-empty writes a manifest without any",
			Err:  err,
		}
	}
	if err != nil {
		return err
	}
	if repaired.Untagged != nil {
		p.Warn("the repaired manifest may lack tags, pins among them: %s", ui.OneLine(repaired.Untagged.Error()))
	}
	return c.report(p, contents, repaired)
}

func (c *repairManifestCommand) report(p *cli.Program, contents *archive.Contents, repaired rewrite.Repaired) error {
	if p.JSON {
		s := repairSummary{ID: summary.ID(contents.Head), Lost: summary.OfFailures(repaired.Lost)}
		if repaired.Head.Name != "" {
			s.Repaired = summary.ID(repaired.Head)
		}
		if err := p.PrintJSON(s); err != nil {
			return err
		}
	} else {
		c.print(p, contents, repaired)
	}
	if len(repaired.Lost) > 0 {
		return cli.Partial(ui.Plural(len(repaired.Lost), "message or page") + " lost")
	}
	return nil
}

func (c *repairManifestCommand) print(p *cli.Program, contents *archive.Contents, repaired rewrite.Repaired) {
	if len(repaired.Lost) == 0 {
		p.Printf("manifest %s is complete; there is nothing to repair", summary.ShortID(contents.Head))
		return
	}
	for _, failure := range repaired.Lost[:min(len(repaired.Lost), ui.MaxRemarks)] {
		p.Printf("%s", ui.Safe(fmt.Sprintf("mailbox %q, UID %d: %s", failure.Mailbox, failure.UID, failure.Reason)))
	}
	if more := len(repaired.Lost) - ui.MaxRemarks; more > 0 {
		p.Printf("… and %s more; --json lists all", ui.Count(more))
	}
	if repaired.Head.Name != "" {
		p.Printf("manifest %s is %s without them", summary.ShortID(repaired.Head), summary.ShortID(contents.Head))
	}
}
