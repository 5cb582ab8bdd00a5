package maintain

import (
	"context"
	"errors"

	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store"
)

type repairHiddenCommand struct {
	DryRun bool `short:"n" help:"Only count what is hidden or covered."`
}

func (*repairHiddenCommand) Help() string {
	return `Somebody who can delete or write in a bucket with Object Lock cannot remove what is locked: a delete marker hides it, or another version covers it. mailstrata reads the older versions, so list, restore and backup work in a bucket that looks empty. But a rule of the bucket that deletes older versions removes them once their locks end, and programs that copy buckets do not see them.

This command removes the delete markers and the other versions. It never removes an object of the repository. First take the right to delete away from the one who hid them. It needs credentials with s3:ListBucketVersions and s3:DeleteObjectVersion.

EXAMPLES

    mailstrata check
    mailstrata repair hidden --dry-run
    mailstrata repair hidden

EXIT STATUS

0 nothing is hidden or covered any more; 1 failed; 2 invalid command line; 3 done, but something is left; 130 interrupted.`
}

func (c *repairHiddenCommand) Run(ctx context.Context, p *cli.Program, r *repo.Repo) error {
	done, err := r.Uncover(ctx, c.DryRun, func(problem repo.Problem) { p.Warn("%s", ui.OneLine(problem.Err.Error())) })
	switch {
	case errors.Is(err, repo.ErrNotLocked):
		return &hint.Error{
			Text: err.Error(), Hint: "if the bucket keeps versions, a tool of its provider brings back those of a date; mailstrata check shows what is missing", Err: err,
		}
	case errors.Is(err, store.ErrPermission):
		return &hint.Error{
			Text: err.Error(),
			Hint: "this needs credentials with s3:ListBucketVersions and s3:DeleteObjectVersion", Err: err,
		}
	case err != nil:
		return err
	}
	if p.JSON {
		err = p.PrintJSON(struct {
			Objects int   `json:"objects"`
			Bytes   int64 `json:"bytes"`
			Left    int   `json:"left"`
			DryRun  bool  `json:"dry_run"`
		}{done.Objects, done.Bytes, done.Left, c.DryRun})
	} else {
		verb := "brought back"
		if c.DryRun {
			verb = "hidden or covered"
		}
		p.Printf("%s %s, %s", ui.Plural(done.Objects, "object"), verb, ui.Size(done.Bytes))
	}
	if err == nil && done.Left > 0 {
		err = cli.Partial(ui.Plural(done.Left, "object") + " left; the bucket may lock what covers them for a while")
	}
	return err
}
