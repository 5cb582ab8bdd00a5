package main

import (
	"context"
	"errors"

	"github.com/mailstrata/mailstrata/archive"
)

type checkCommand struct {
	ReadData bool `help:"Read every byte of every object, instead of seeing only that packs of mail are there and of the right size."`
}

func (*checkCommand) Help() string {
	return `Looks at every object, and follows every manifest down to the chunks of its messages. Whatever is wrong is named, with the messages that it harms, and the rest is checked all the same.

With --read-data, the whole repository is read: do it now and then, and after trouble with disks.

EXAMPLES

    mailstrata check
    mailstrata check --read-data

JSON: for each problem a line with object, manifest, account, mailbox, uid and reason; last a line with manifests, mailboxes, pages, messages, chunks and problems.

EXIT STATUS

0 all is well; 1 failed; 2 the command line makes no sense; 3 checked, and there are problems; 130 interrupted.`
}

// problemSummary is a problem as JSON.
type problemSummary struct {
	Object   string `json:"object,omitempty"`
	Manifest string `json:"manifest,omitempty"`
	Account  string `json:"account,omitempty"`
	Mailbox  string `json:"mailbox,omitempty"`
	UID      uint32 `json:"uid,omitempty"`
	Reason   string `json:"reason"`
}

// checkSummary is the end of a check as JSON.
type checkSummary struct {
	Manifests int64 `json:"manifests"`
	Mailboxes int64 `json:"mailboxes"`
	Pages     int64 `json:"pages"`
	Messages  int64 `json:"messages"`
	Chunks    int64 `json:"chunks"`
	Problems  int64 `json:"problems"`
}

func (c *checkCommand) Run(ctx context.Context, p *program) error {
	r, err := p.open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	var unwritten error
	told := p.progress("checked")
	report, err := archive.Check(ctx, archive.CheckOptions{
		Repo:     r,
		ReadData: c.ReadData,
		Progress: func(now archive.CheckReport) { told.update("", tally{messages: now.Messages}) },
	}, func(problem archive.Problem) {
		told.done()
		if p.flags.JSON {
			unwritten = errors.Join(unwritten, p.printJSON(problemSummary{
				problem.Object, problem.Manifest, problem.Account, problem.Mailbox, uint32(problem.UID), problem.Reason,
			}))
		} else {
			p.printf("%s", oneLine(problem.String()))
		}
	})
	told.done()
	if err := errors.Join(err, unwritten); err != nil {
		return err
	}
	if p.flags.JSON {
		err = p.printJSON(checkSummary{report.Manifests, report.Mailboxes, report.Pages, report.Messages, report.Chunks, report.Problems})
	} else {
		p.printf("%s, %s and %s checked: %s", plural(report.Manifests, "manifest"), plural(report.Messages, "message"),
			plural(report.Chunks, "chunk"), plural(report.Problems, "problem"))
	}
	if err == nil && report.Problems > 0 {
		err = &outcome{statusPartial, "the repository is damaged"}
	}
	return err
}
