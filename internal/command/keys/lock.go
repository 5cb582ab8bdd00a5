package keys

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/objectlock"
)

// Lock shows the Object Lock of a repository, or extends its period.
type Lock struct {
	Period lockPeriod `arg:"" optional:"" help:"The longer period, such as 90d. Default: show the lock."`
}

func (*Lock) Help() string {
	return `Shows for how long a repository under Object Lock (init --lock) keeps its objects, when all locks were renewed last, and when that is due. With a period, it extends the lock, and renews all locks. A period can only become longer.

To extend it, you need an owner's key and credentials with s3:PutObjectRetention, and s3:PutBucketObjectLockConfiguration if the bucket has a default retention. Manifests written before are kept for the longer period from now on.

EXAMPLES

    mailstrata lock
    mailstrata lock 90d

` + cli.ExitStatus
}

// lockReport is the state of a lock, as JSON.
type lockReport struct {
	Lock    *lockSummary `json:"lock"`
	Renewed *time.Time   `json:"renewed,omitempty"`
	Due     time.Time    `json:"due"`
	Locks   int          `json:"renewed_locks,omitempty"`
}

func (c *Lock) Run(ctx context.Context, p *cli.Program) error {
	open := p.Open
	if c.Period > 0 {
		open = p.OpenAsOwner
	}
	r, err := open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	renewed := 0
	if c.Period > 0 {
		if renewed, err = c.lengthen(ctx, p, r); err != nil {
			return err
		}
	}
	state, err := r.LockState(ctx)
	if err != nil {
		return err
	}
	if p.JSON {
		report := lockReport{Lock: summarizeLock(r.Lock()), Due: state.Due.UTC(), Locks: renewed}
		if !state.Renewed.IsZero() {
			at := state.Renewed.UTC()
			report.Renewed = &at
		}
		return p.PrintJSON(report)
	}
	last := "not yet for the whole period"
	if !state.Renewed.IsZero() {
		last = ui.Time(state.Renewed)
	}
	p.Facts("lock", access.DescribeLock(r.Lock()), "locks renewed",
		last, "due", ui.Time(state.Due), "renewed now", summary.RenewedLocks(renewed))
	return nil
}

// lengthen extends the period of the lock, first in the bucket's default retention.
func (c *Lock) lengthen(ctx context.Context, p *cli.Program, r *repo.Repo) (renewed int, err error) {
	if err := r.CheckLonger(int(c.Period)); err != nil {
		return 0, err
	}
	longer := *r.Lock()
	longer.Days = int(c.Period)
	if longer.ByDefault {
		l, err := p.Location("")
		if err != nil {
			return 0, err
		}
		bucket, err := l.OpenBucket(ctx)
		if err != nil {
			return 0, err
		}
		byDefault, err := bucket.MakeLockedBucket(ctx, longer.Compliance, longer.TermDays())
		if err != nil {
			return 0, err
		}
		if !byDefault {
			return 0, &hint.Error{
				Text: fmt.Sprintf("the bucket's default retention could not be made %d days, which a lock of %d days needs", longer.TermDays(), longer.Days),
				Hint: "these credentials need s3:PutBucketObjectLockConfiguration; or set it in your provider's console, and run this again",
			}
		}
	}
	progress := p.Progress("renewed")
	defer progress.Done()
	return r.Lengthen(ctx, longer.Days, cli.Steps(progress))
}

// lockPeriod is a number of days; 0: none.
type lockPeriod int

// UnmarshalText reads 30d.
func (l *lockPeriod) UnmarshalText(text []byte) error {
	digits, ok := strings.CutSuffix(string(text), "d")
	days, err := strconv.Atoi(digits)
	if !ok || err != nil || days < 1 || days > objectlock.MaxDays {
		return fmt.Errorf("%s is not a period such as 30d, from 1d to %dd", ui.Quote(string(text)), objectlock.MaxDays)
	}
	*l = lockPeriod(days)
	return nil
}

// lockSummary is a repository's lock, as JSON.
type lockSummary struct {
	Days      int    `json:"days"`
	Mode      string `json:"mode"`
	ByDefault bool   `json:"by_default"` // by the bucket's default retention
}

func summarizeLock(l *objectlock.Lock) *lockSummary {
	if l == nil {
		return nil
	}
	return &lockSummary{l.Days, l.Mode(), l.ByDefault}
}
