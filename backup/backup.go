package backup

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mailstrata/mailstrata/archive/loss"
	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/collection"
	"github.com/mailstrata/mailstrata/internal/percent"
	"github.com/mailstrata/mailstrata/internal/retry"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// Account is an account to back up.
type Account struct {
	Name   string                  // as you call it; identifies the history of the account
	URL    string                  // where it is read, without secrets
	Source source.Source           // Run closes it once the account was read
	Select func(mail.Mailbox) bool // which mailboxes to read; nil: all

	// Items are the sources of scripts, calendars and address books, at most one of a kind. Run
	// closes each when it was read.
	Items []collection.Source

	// Properties is asked for access rights and annotations of mailboxes, once a week, or in this
	// run if PropertiesNow is set. Nil: there are none.
	Properties    source.PropertySource
	PropertiesNow bool

	// Continue gives the source what is archived, before it is read. Nil: the source does not need
	// it.
	Continue func(source.Previous)

	// ShrinkLimit returns how much a mailbox may lose, or, for nil, the account as a whole. If
	// ShrinkLimit is nil, loss.Usual applies to all.
	ShrinkLimit func(*mail.Mailbox) loss.Limit

	// VerifySource is the share of the archived messages that are downloaded again and compared:
	// other messages each day. Messages that were matched and never downloaded are more likely
	// chosen.
	VerifySource percent.Rate

	Budget Budget

	TimeLimit time.Duration // how long reading the account may take; 0: 48 hours
	began     *time.Time    // the beginning of the first of several runs
	waits     *retry.Budget // of all of these runs
}

// wants reports whether Select chooses a mailbox.
func (a *Account) wants(listed mail.Mailbox) bool {
	return a.Select == nil || a.Select(listed)
}

// reads reports whether a mailbox is backed up in this run. Others stay as they are archived:
// deselecting a mailbox loses nothing.
func (a *Account) reads(listed mail.Mailbox) bool {
	return listed.Skip == mail.NotSkipped && a.wants(listed)
}

// Options control a backup.
type Options struct {
	Program  string         // name and version of the program
	Progress func(Progress) // called often, from several goroutines but only once at a time for an account
	Note     func(Note)     // called like Progress
	Parallel int            // how many accounts are read at once; 0: two

	// Checkpoint reports whether to write a checkpoint, by the time since the last one and the
	// bytes downloaded since. Nil: after ten minutes, or after 256 MiB that took half a minute or
	// more.
	Checkpoint func(age time.Duration, bytes int64) bool

	// RecoveryAfter is the age at which a run begins to write its recovery log; 0: five seconds.
	RecoveryAfter time.Duration

	// WaitForOthers is how long an account that was read waits for others, with which it shares
	// packs; 0: a minute.
	WaitForOthers time.Duration
}

// Result is what a run recorded of one account.
type Result struct {
	Account   string
	Head      repo.Head          // of the manifest
	Manifest  *manifest.Manifest // as it was committed
	Before    repo.Head          // the newest complete manifest before it, with which it was compared; zero: none
	Err       error              // why the mail was not archived; there is a Manifest if the rest of the account was
	Postponed bool               // the day's budget is used up; the manifest is a checkpoint
	Locks     error              // why older objects are locked for less than the repository's period
	Kept      bool               // with Err: what was read of the mail is in a checkpoint
}

// AccountsAtOnce is how many accounts share packs and one index segment. Their manifests are
// committed together. If one of them takes long, perhaps days, the others do not wait for it
// (defaultWait). Larger groups put fewer objects, and the time between two groups, in which no
// account is read, comes less often.
const AccountsAtOnce = 64

// defaultWait is how long an account that was read waits for others.
const defaultWait = time.Minute

// Run reads the accounts and writes a manifest for each. If one account fails, its error is in its
// Result and the others go on. The returned error concerns the repository or ctx; what was
// committed by then is in the Results.
//
// Packs are written first, then the index, then manifests, so that a manifest refers only to what
// is durable.
func Run(ctx context.Context, r *repo.Repo, accounts []Account, o Options) ([]*Result, error) {
	var done []*Result
	accounts = slices.Clone(accounts)
	for i := range accounts {
		accounts[i].began, accounts[i].waits = new(time.Time), new(retry.Budget)
	}
	for group := range slices.Chunk(accounts, AccountsAtOnce) {
		for len(group) > 0 {
			results, err := backUpGroup(ctx, r, group, o)
			var renewed []Account
			for i, result := range results {
				if errors.Is(result.Err, errRenew) && err == nil {
					renewed = append(renewed, group[i])
				} else {
					done = append(done, result)
				}
			}
			if err != nil {
				return done, err
			}
			group = renewed
		}
	}
	return done, nil
}

func backUpGroup(ctx context.Context, r *repo.Repo, accounts []Account, o Options) (results []*Result, err error) {
	run, err := r.Begin(ctx)
	if err != nil {
		return nil, err
	}
	runs := make([]*accountRun, len(accounts))
	reader := r.Reader(repo.ReaderOptions{}) // shared, as the packs that it reads are
	reader.Keep(repo.KeptCatalog)
	for i, account := range accounts {
		runs[i] = newAccountRun(r, run, reader, account, o)
		runs[i].shared = len(accounts) > 1
		if err := run.Locks(); err != nil {
			runs[i].recorder.warn(lockWarning, err)
		}
	}
	if err := findParents(ctx, runs); err != nil {
		return nil, err
	}
	// Begin the writer after finding the parents: rule 1 in docs/design/removing.md requires it. It
	// outlives an interruption, so that what was downloaded can be stored.
	writer, err := run.Writer(context.WithoutCancel(ctx))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, writer.Close()) }()

	results = make([]*Result, len(accounts))
	for i, account := range accounts {
		runs[i].catalog.writer = writer
		results[i] = &Result{Account: account.Name, Locks: run.Locks()}
		if last := runs[i].lastComplete; last != nil {
			results[i].Before = last.Head
		}
	}
	ended := readAll(ctx, runs, results, o)
	finishAll(cmp.Or(o.WaitForOthers, defaultWait), len(runs), ended, func(i int) { runs[i].finish(ctx, results[i]) })
	return results, context.Cause(ctx)
}

// requestsAtOnce is how many accounts of a group ask the store for their parents at once, and later
// put their manifests.
const requestsAtOnce = 16

// findParents finds the parents of all accounts. Meanwhile it reads the erasures if one of them is
// probably new: a run without a parent needs them before it reads anything.
func findParents(ctx context.Context, runs []*accountRun) error {
	var group errgroup.Group
	group.SetLimit(requestsAtOnce)
	if slices.ContainsFunc(runs, (*accountRun).isNew) {
		group.Go(func() error {
			_, _ = runs[0].run.Erasures(ctx) // an error comes again where they are needed
			return nil
		})
	}
	for _, a := range runs {
		group.Go(func() error { return a.findParent(ctx) })
	}
	return group.Wait()
}

// readAll begins to read all accounts, some at once. It sends the number of each that was read, and
// ends the connections of each.
func readAll(ctx context.Context, runs []*accountRun, results []*Result, o Options) <-chan int {
	ended := make(chan int, len(runs))
	go func() {
		var group errgroup.Group
		group.SetLimit(cmp.Or(max(0, o.Parallel), 2))
		for i, a := range runs {
			group.Go(func() error {
				results[i].Manifest, results[i].Err = a.readInTime(ctx)
				a.release(results[i].Err)
				ended <- i
				return nil
			})
		}
	}()
	return ended
}

// finishAll finishes n accounts as their numbers come in: all together, unless the first one has
// waited too long.
func finishAll(wait time.Duration, n int, ended <-chan int, finish func(i int)) {
	var waiting []int
	finishWaiting := func() {
		var group errgroup.Group
		group.SetLimit(requestsAtOnce)
		for _, i := range waiting {
			group.Go(func() error {
				finish(i)
				return nil
			})
		}
		_ = group.Wait()
		waiting = nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for n > 0 {
		select {
		case i := <-ended:
			if n--; len(waiting) == 0 {
				timer.Reset(wait)
			}
			waiting = append(waiting, i)
		case <-timer.C:
			finishWaiting()
		}
	}
	finishWaiting()
}

// Warnings that concern one run alone begin like this.
const (
	lockWarning = "what was stored before is locked for less than the repository's period, and its locks could not be " +
		"renewed (mailstrata prune does it, with the owner's key and credentials that may): %v"
	spentWarning = "the budget of %d bytes a day is used up; it continues tomorrow (UTC)"
)

// isOfOneRun reports whether a warning means nothing to the run that continues from a checkpoint.
func isOfOneRun(warning string) bool {
	for _, format := range []string{lockWarning, spentWarning} {
		if beginning, _, _ := strings.Cut(format, "%"); strings.HasPrefix(warning, beginning) {
			return true
		}
	}
	return false
}
