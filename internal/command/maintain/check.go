package maintain

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/mailstrata/mailstrata/archive/check"
	"github.com/mailstrata/mailstrata/internal/checked"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/config"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/job"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo"
)

// Check verifies a repository.
type Check struct {
	ReadData       bool      `xor:"read" help:"Read and verify all data, instead of checking only that packs of mail exist and have the right size."`
	ReadDataSubset cli.Share `xor:"read" placeholder:"N%" help:"Read this share of the mail, another one each time: 5%."`
	ReadDataWithin cli.Span  `xor:"read" placeholder:"SPAN" help:"Read some of the mail each time, and all of it within this time: 30d."`

	Shard config.Shard `placeholder:"N/OF" help:"Only this host's share: 2/8 is the second of eight, and @1/8 is the same counted from 0."`

	cli.WatchFlags `embed:""`
}

func (*Check) Help() string {
	return `Checks every object, and follows every manifest down to the chunks of its messages. It names each problem and the messages that it affects, and continues with the rest. A note names each manifest that lacks mail of the one before it and has no alarm (see "mailstrata list --help").

With --read-data, it reads the whole repository: run that now and then, and after trouble with disks. With --read-data-within 30d, a check every night reads each object once in thirty days, from whichever host. A check that finds damage does not count, so the next one finds it again. Until one that reads as much finds none, mailstrata run of this host deletes nothing there, and status names the repository. A writer's key cannot open packs of mail; then only their bytes are verified.

With --shard, several hosts check a share of the objects and of the accounts each. All shares together are one check: run each of them. A share that finds a damaged object looks for the messages that it affects in all accounts.

EXAMPLES

    mailstrata check
    mailstrata check --read-data
    mailstrata check --read-data-within 30d
    mailstrata check --read-data --shard 2/8

EXIT STATUS

0 no problems; 1 failed; 2 invalid command line; 3 done, and there are problems; 130 interrupted.`
}

// problemSummary is a problem as JSON.
type problemSummary struct {
	Object   string `json:"object,omitempty"`
	Manifest string `json:"manifest,omitempty"`
	Account  string `json:"account,omitempty"`
	Mailbox  string `json:"mailbox,omitempty"`
	UID      uint32 `json:"uid,omitempty"`
	Reason   string `json:"reason"`
	Harmless bool   `json:"harmless"` // no mail is in danger; not counted in the exit status
	Repair   string `json:"repair,omitempty"`
}

// checkSummary is the end of a check as JSON.
type checkSummary struct {
	Manifests int64 `json:"manifests"`
	Mailboxes int64 `json:"mailboxes"`
	Pages     int64 `json:"pages"`
	Messages  int64 `json:"messages"`
	Items     int64 `json:"items,omitempty"` // scripts, events and contacts
	Chunks    int64 `json:"chunks"`
	Problems  int64 `json:"problems"`
}

// data returns which packs of mail to read, and what to do after that.
func (c *Check) data(ctx context.Context, r *repo.Repo) (repo.HashRange, func() error, error) {
	nothing := func() error { return nil }
	switch {
	case c.ReadData:
		return repo.AllPacks, nothing, nil
	case c.ReadDataSubset > 0:
		return repo.RandomRange(float64(c.ReadDataSubset)), nothing, nil
	case c.ReadDataWithin == cli.Span{}:
		return repo.HashRange{}, nothing, nil
	}
	now := time.Now()
	rolling, err := r.Rolling(ctx, repo.Share(c.Shard), now.Sub(history.Span(c.ReadDataWithin).Before(now)))
	return rolling.HashRange, func() error { return r.Rolled(ctx, rolling) }, err
}

func (c *Check) Run(ctx context.Context, p *cli.Program, r *repo.Repo) error {
	data, done, err := c.data(ctx, r)
	if err != nil {
		return err
	}
	progress := p.Progress("checked")
	listing := &problemListing{Program: p, progress: progress, damaged: map[string]bool{}}
	report, err := check.Run(ctx, check.Options{
		Repo:     r,
		Data:     data,
		Share:    repo.Share(c.Shard),
		Limits:   job.Limits(p.Host, nil),
		Progress: cli.Steps(progress),
	}, listing.add)
	if err == nil && report.Manifests == 0 && c.Shard.Of <= 1 {
		err = listing.addVanished(ctx, r, report)
	}
	progress.Done()
	listing.end()
	if listing.notes > ui.MaxRemarks {
		p.Note("note: %s more; --json lists all", ui.Count(listing.notes-ui.MaxRemarks))
	}
	damaged := report.Problems > report.Unlocked+report.Misdated+min(1, report.Overlaid)
	if err == nil || damaged {
		c.record(ctx, p, r, data, damaged)
	}
	if err := errors.Join(err, listing.err); err != nil {
		return err
	}
	switch {
	case !r.CanRead() && !c.ReadData:
		p.Note("note: this key cannot open packs of mail; an owner's key checks what is in them")
	case data == repo.HashRange{}:
		p.Note("note: the mail was not read, only the sizes of its packs were compared; --read-data reads all of it, " +
			"--read-data-within 30d a part each time")
	}
	if !damaged { // or the rolling checks of the next nights would be silent until their turn comes again
		if err := done(); err != nil {
			return err
		}
	}
	return cmp.Or(c.print(p, report, listing), verdict(report, damaged, listing))
}

// record remembers how the check ended, for mailstrata run and status of this host.
func (c *Check) record(ctx context.Context, p *cli.Program, r *repo.Repo, data repo.HashRange, damaged bool) {
	l, err := p.Location("")
	if err != nil {
		return
	}
	scope := checked.Scope{N: c.Shard.N, Of: c.Shard.Of, Opens: r.CanRead()}
	scope.From, scope.Length = data.Span()
	p.RecordCheck(ctx, l, checked.Result{Scope: scope, Damaged: damaged, Random: c.ReadDataSubset > 0})
}

// print prints the end of a check.
func (*Check) print(p *cli.Program, report *check.Report, listing *problemListing) error {
	if p.JSON {
		return p.PrintJSON(checkSummary{
			report.Manifests, report.Mailboxes, report.Pages, report.Messages, report.Items, report.Chunks,
			report.Problems,
		})
	}
	messages := ui.Plural(report.Messages, "message")
	if report.Items > 0 {
		messages += ", " + ui.Plural(report.Items, "item")
	}
	problems := ui.Plural(listing.printed, "problem")
	if listing.affected > 0 {
		problems += ", " + ui.Plural(listing.affected, "message") + " affected"
	}
	p.Printf("%s, %s and %s checked: %s", ui.Plural(report.Manifests, "manifest"), messages,
		ui.Plural(report.Chunks, "chunk"), problems)
	return nil
}

// verdict returns the error with the exit status of a check.
func verdict(report *check.Report, damaged bool, listing *problemListing) error {
	switch {
	case damaged:
		err := cli.Partial("the repository is damaged")
		return &hint.Error{Text: err.Error(), Err: err, Hint: listing.advice()}
	case report.Misdated > 0:
		return cli.Partial("the data is intact, but " + ui.Plural(report.Misdated, "manifest") +
			" cannot be trusted; find out which host wrote it")
	case report.Overlaid > 0:
		return cli.Partial("the data is intact, but somebody who can delete or write in the bucket has hidden or covered objects: " +
			"take these rights away; mailstrata repair hidden removes what covers them")
	case report.Unlocked > 0:
		return cli.Partial("the data is intact, but locked for less than the period of the repository")
	}
	return nil
}
