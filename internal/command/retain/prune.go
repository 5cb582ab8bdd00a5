package retain

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/erase"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store"
)

// Prune deletes what no manifest needs.
type Prune struct {
	MaxUnused   cli.Share `default:"5%" placeholder:"SHARE" help:"How much of all packs may be unused before packs are repacked: a percentage, or \"unlimited\"."`
	Compression string    `enum:"usual,max" default:"usual" placeholder:"HOW" help:"How much to compress what is repacked: usual or max. With max, prune also repacks mail that was compressed as usual, once."`
	DryRun      bool      `short:"n" help:"Only show what would be deleted, now and later."`

	cli.WatchFlags `embed:""`
}

// IsWhole reports whether the run does more than to show something.
func (c *Prune) IsWhole() bool { return !c.DryRun }

func (*Prune) Help() string {
	return `Deletes what no manifest needs: messages and records that only forgotten manifests had, and what interrupted runs left behind. It repacks packs with much unused data, and brings small packs together, in the order in which the newest manifest is read.

With --compression max, mail takes 4 to 9% less space. Repacking then takes a second of a processor for each 2 MB of mail, and 300 MB of memory. To read one message, mailstrata then decodes up to 8 MiB and not 4.

Backups may run at the same time. Therefore deleting takes two prunes: one marks what is not needed, and one a day later deletes it, if it is still not needed. Run prune every day or week. An interrupted prune continues the next time.

In a repository under lock, prune also renews the locks, and deletes an object when its lock has ended. What a store refuses to delete is reported. prune needs an owner's key. It fails if the clocks of the store and this host differ by more than an hour.

EXAMPLES

    mailstrata prune --dry-run
    mailstrata prune --max-unused 20%
    mailstrata prune --compression max
    mailstrata forget --keep-daily 30 --keep-monthly 24 --prune

EXIT STATUS

0 done; 1 failed; 2 invalid command line; 3 done, but something in the repository is damaged, or locks that are due could not be renewed; 130 interrupted.`
}

// amount is a number of objects, as JSON.
type amount struct {
	Objects int   `json:"objects"`
	Bytes   int64 `json:"bytes"`
}

// pruneSummary is a prune as JSON.
type pruneSummary struct {
	DryRun           bool   `json:"dry_run"`
	Roots            int    `json:"roots"`
	Packs            amount `json:"packs"`
	DeletedManifests amount `json:"deleted_manifests"`
	DeletedPacks     amount `json:"deleted_packs"`
	CondemnedPacks   amount `json:"condemned_packs"`
	WaitingPacks     amount `json:"waiting_packs"`
	Waiting          int    `json:"waiting_manifests"`

	DeletableFrom time.Time `json:"deletable_from,omitzero"` // all that waits

	RewrittenPacks  amount `json:"rewritten_packs"`
	Copied          amount `json:"copied"`
	MergedSegments  amount `json:"merged_segments"`
	DeletedSegments amount `json:"deleted_segments"`
	Retained        amount `json:"retained"`
	RenewedLocks    int    `json:"renewed_locks"`
	UnusedBytes     int64  `json:"unused_bytes"`
	UnreadPacks     int    `json:"unread_packs"`
	ErasedPacks     amount `json:"erased_packs"`
	Rewritten       int    `json:"rewritten_manifests"`
	LostChunks      int64  `json:"lost_chunks"`
}

func (c *Prune) Run(ctx context.Context, p *cli.Program) error {
	r, err := p.OpenAsOwner(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	return c.prune(ctx, p, r)
}

// compressingMemoryLimit is the memory limit of a prune with maximum compression: two encoders that
// keep where everything is in up to 12 MiB, and frames of that size.
const compressingMemoryLimit = 290 << 20

func (c *Prune) prune(ctx context.Context, p *cli.Program, r *repo.Repo) error {
	left, late := 0, 0
	progress := p.Progress("pruned")
	if compressionOf(c.Compression) == repo.MaxCompression {
		p.LimitMemory(compressingMemoryLimit)
	}
	report, err := archive.Prune(ctx, r, repo.PruneOptions{
		DryRun:      c.DryRun,
		MaxUnused:   float64(c.MaxUnused),
		Compression: compressionOf(c.Compression),
		Progress:    cli.Steps(progress),
		Erased:      func(repo.Head) { late++ },
		Left: func(name string, err error) {
			if errors.Is(err, store.ErrRetained) && r.Lock() != nil {
				return // expected; the summary has their number
			}
			if left++; left <= ui.MaxRemarks {
				p.Note("left: %s: %s", name, ui.OneLine(err.Error()))
			}
		},
	})
	progress.Done()
	if left > ui.MaxRemarks {
		p.Note("left: %s more", ui.Count(left-ui.MaxRemarks))
	}
	if err != nil {
		return pruneError(err)
	}
	if l, err := p.Location(""); err == nil && !c.DryRun {
		p.RecordPrune(l)
	}
	erased, err := c.erase(ctx, p, r, late)
	if err != nil {
		return err
	}
	if report.Locks != nil {
		p.Warn("the locks could not be renewed: %s", ui.OneLine(report.Locks.Error()))
	}
	if p.JSON {
		err = p.PrintJSON(summarizePrune(report, erased, c.DryRun))
	} else {
		c.print(p, report)
	}
	switch {
	case err != nil:
	case report.Lost > 0 || report.Unread > 0:
		err = cli.Partial(fmt.Sprintf("the repository is damaged: %s could not be read, %s missing; mailstrata check names them",
			ui.Plural(int64(report.Unread), "pack"), ui.Plural(report.Lost, "chunk")))
	case len(erased.Damaged)+erased.Unread > 0:
		err = cli.Partial("the prune is done, but damaged manifests may still hold what was erased")
	case report.Locks != nil:
		err = cli.Partial("the prune is done, but locks that are due could not be renewed")
	}
	return err
}

// erase rewrites manifests of runs that began before an erasure.
func (c *Prune) erase(ctx context.Context, p *cli.Program, r *repo.Repo, late int) (*erase.Report, error) {
	switch {
	case late == 0:
		return &erase.Report{}, nil
	case c.DryRun:
		p.Note("%s or more, committed after an erasure, would be rewritten without what was erased",
			ui.Plural(late, "manifest"))
		return &erase.Report{}, nil
	}
	report, err := erase.Complete(ctx, r, nil)
	if err != nil {
		return nil, fmt.Errorf("rewrite manifests that were committed after an erasure: %w", err)
	}
	p.Note("%s rewritten without what was erased: the runs that committed them began before the erasure",
		ui.Plural(report.Rewritten, "manifest"))
	warnDamaged(p, report)
	return report, nil
}

func compressionOf(name string) repo.Compression {
	if name == "max" {
		return repo.MaxCompression
	}
	return repo.UsualCompression
}

// pruneError adds a hint if a damaged manifest prevents the prune.
func pruneError(err error) error {
	if errors.Is(err, repo.ErrNoChunk) || errors.Is(err, repo.ErrDamaged) {
		return &hint.Error{Text: err.Error(), Hint: "mailstrata check names what is damaged; a day after you forget a damaged manifest, prune ignores it", Err: err}
	}
	return err
}

func summarizePrune(r *repo.PruneReport, erased *erase.Report, dry bool) pruneSummary {
	return pruneSummary{
		DryRun: dry, Roots: r.Roots, Packs: amount(r.Packs),
		DeletedManifests: amount(r.Manifests), DeletedPacks: amount(r.Deleted),
		CondemnedPacks: amount(r.Condemned), WaitingPacks: amount(r.Waiting),
		Waiting: r.Marked, DeletableFrom: deletableFrom(r).UTC(),
		RewrittenPacks: amount(r.Rewritten), Copied: amount(r.Copied),
		MergedSegments: amount(r.Segments), DeletedSegments: amount(r.Replaced),
		Retained: amount(r.Retained), RenewedLocks: r.Renewed, UnusedBytes: r.Unused, UnreadPacks: r.Unread, LostChunks: r.Lost,
		ErasedPacks: amount(r.Erased), Rewritten: erased.Rewritten,
	}
}

// deletableFrom returns when a prune may delete all that waits now.
func deletableFrom(r *repo.PruneReport) time.Time {
	if r.MarkedFrom.After(r.WaitingFrom) {
		return r.MarkedFrom
	}
	return r.WaitingFrom
}

// print shows what is deleted now and later, and what is kept.
func (c *Prune) print(p *cli.Program, r *repo.PruneReport) {
	things := func(a repo.Amount, what string) string {
		return ui.Plural(int64(a.Objects), what) + ", " + ui.Size(a.Bytes)
	}
	some := func(a repo.Amount, text string) string {
		if a == (repo.Amount{}) {
			return ""
		}
		return text
	}
	forgotten := ""
	if r.Marked > 0 {
		forgotten = fmt.Sprintf("%s: deletable from %s", ui.Plural(r.Marked, "manifest"), ui.Time(r.MarkedFrom))
	}
	now := repo.Amount{Objects: r.Deleted.Objects, Bytes: r.Deleted.Bytes + r.Manifests.Bytes + r.Replaced.Bytes}
	verb := "freed now"
	if c.DryRun {
		verb = "to be freed now"
	}
	p.Facts(
		"needed by", ui.Plural(int64(r.Roots), "manifest"),
		"packs", things(r.Packs, "pack"),
		verb, fmt.Sprintf("%s: %s, %s, %s", ui.Size(now.Bytes), ui.Plural(int64(r.Deleted.Objects), "pack"),
			ui.Plural(int64(r.Manifests.Objects), "forgotten manifest"), ui.Plural(int64(r.Replaced.Objects), "index segment")),
		"in a day", things(r.Condemned, "pack"),
		"forgotten", forgotten,
		"marked before", some(r.Waiting, things(r.Waiting, "pack")+": deletable from "+ui.Time(r.WaitingFrom)),
		"repacked", some(r.Rewritten, things(r.Rewritten, "pack")+"; "+ui.Size(r.Copied.Bytes)+" kept of them"),
		"index merged", some(r.Segments, things(r.Segments, "segment")),
		"erased", some(r.Erased, "still in "+things(r.Erased, "pack")+""),
		"unused, kept", ui.Size(r.Unused),
		"not deleted", some(r.Retained, things(r.Retained, "object")+": the store retains them"),
		"locks renewed", summary.RenewedLocks(r.Renewed),
	)
}
