// Package backup reads accounts into a repository, and lays a manifest of each: Run. A night costs what has changed.
//
// It declares what it reads from: a Source is an account, and a View one mailbox of it, opened. Source by source a walk goes
// through the mailboxes; a reading of each looks at what is there, compares it with what the last manifest has, and a
// harvest downloads what is new. What is filed (archive.Filer) and what was observed become the new manifest.
package backup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/loss"
	"github.com/mailstrata/mailstrata/backup/fetch"
	"github.com/mailstrata/mailstrata/backup/identity"
	"github.com/mailstrata/mailstrata/backup/moves"
	"github.com/mailstrata/mailstrata/backup/quota"
	"github.com/mailstrata/mailstrata/backup/sample"
	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/internal/grace"
	"github.com/mailstrata/mailstrata/internal/percent"
	"github.com/mailstrata/mailstrata/internal/retry"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// Account is an account to be archived.
type Account struct {
	Name   string // the name its owner gave it; the history of an account goes by it
	URL    string // where it was read, without secrets
	Source source.Source
	Select func(mail.Mailbox) bool // which mailboxes; nil: all

	// ShrinkLimit returns the limit of losses of a mailbox, or, for nil, of the account as a whole. Nil means the usual
	// limit for all.
	ShrinkLimit func(*mail.Mailbox) loss.Limit

	// VerifySource is the share of what is recorded that is downloaded again and compared, on different days different
	// messages. Those taken by an id are more likely chosen.
	VerifySource percent.Rate

	Budget Budget

	TimeLimit time.Duration // how long reading the account may take; 0 means the constant TimeLimit
	began     *time.Time    // when that began, in the first of several runs
	waits     *retry.Budget // likewise of all of these runs
}

// Options say how a backup is made.
type Options struct {
	Program  string         // name and version of this program
	Progress func(Progress) // called often, from several goroutines but never at once for one account
	Note     func(Note)     // called like Progress, for what the run's user may want to know and no manifest holds
	Parallel int            // accounts read at once; 0: two

	// Checkpoint decides when a checkpoint is laid, by the time since the last one and the bytes downloaded since; nil:
	// after ten minutes, or 256 MiB that took half a minute or more.
	Checkpoint func(age time.Duration, bytes int64) bool

	// SpillAfter is how old a run becomes before what it downloads is spilled; 0: five seconds.
	SpillAfter time.Duration

	// ConcludeAfter is how long an account that was read waits for others, with which it shares packs; 0: a minute.
	ConcludeAfter time.Duration
}

// Result is what a run recorded of one account.
type Result struct {
	Account   string
	Head      repo.Head          // of the manifest
	Manifest  *manifest.Manifest // as it was committed
	Err       error              // why there is no manifest
	Postponed bool               // the day's budget is used up, and the manifest is a checkpoint; a run of another day goes on from it
	Locks     error              // under lock: why what was stored before is locked for less than the repository's period, which is in the manifest's warnings too
	Kept      bool               // with Err: what was read until then is in a checkpoint, from which the next run goes on
}

// AccountsAtOnce share packs and one index segment; after each such group its manifests are committed. Where one takes
// long, those that were read do not wait for it (concludeAfter): it may take days, and their manifests would be late.
const AccountsAtOnce = 16

// concludeAfter is how long an account that was read waits for others.
const concludeAfter = time.Minute

// Run reads the accounts and lays a manifest for each. One account that fails does not stop the others: its error is
// in its Result. The error returned is of the run as a whole, of the repository or of ctx; what was committed by then is
// in the Results.
//
// The order makes it safe: packs, then index, then manifests, so that a manifest names only what is durable.
func Run(ctx context.Context, r *repo.Repo, accounts []Account, o Options) ([]*Result, error) {
	var done []*Result
	accounts = slices.Clone(accounts)
	for i := range accounts {
		accounts[i].began, accounts[i].waits = new(time.Time), new(retry.Budget)
	}
	for group := range slices.Chunk(accounts, AccountsAtOnce) {
		for len(group) > 0 {
			backups, err := backUpGroup(ctx, r, group, o)
			var renewed []Account
			for i, b := range backups {
				if errors.Is(b.Err, errRenew) && err == nil {
					renewed = append(renewed, group[i])
				} else {
					done = append(done, b)
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

func backUpGroup(ctx context.Context, r *repo.Repo, accounts []Account, o Options) (backups []*Result, err error) {
	run, err := r.Begin(ctx)
	if err != nil {
		return nil, err
	}
	walks := make([]*walk, len(accounts))
	for i, account := range accounts {
		walks[i] = newWalk(r, run, account, o)
		if err := run.Locks(); err != nil {
			walks[i].warn(lockWarning, err)
		}
		if err := walks[i].findParent(ctx); err != nil {
			return nil, err
		}
	}
	// Only now: rule 1 of "Removing, without locks" wants parents before condemnations. The writer outlives an
	// interruption, so that what was downloaded can be kept.
	writer, err := run.Writer(context.WithoutCancel(ctx))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, writer.Close()) }()

	backups = make([]*Result, len(accounts))
	for i, account := range accounts {
		walks[i].writer = writer
		backups[i] = &Result{Account: account.Name, Locks: run.Locks()}
	}
	ended := readAll(ctx, walks, backups, o)
	concludeAll(cmp.Or(o.ConcludeAfter, concludeAfter), len(walks), ended, func(i int) { walks[i].conclude(ctx, backups[i]) })
	return backups, context.Cause(ctx)
}

// readAll begins to read all accounts, some at once. It sends the number of each that is read.
func readAll(ctx context.Context, walks []*walk, backups []*Result, o Options) <-chan int {
	ended := make(chan int, len(walks))
	go func() {
		var group errgroup.Group
		group.SetLimit(cmp.Or(max(0, o.Parallel), 2))
		for i, w := range walks {
			group.Go(func() error {
				backups[i].Manifest, backups[i].Err = w.recordInTime(ctx)
				ended <- i
				return nil
			})
		}
	}()
	return ended
}

// concludeAll concludes n accounts that come to their ends: all together, unless the first one has waited too long.
func concludeAll(patience time.Duration, n int, ended <-chan int, conclude func(i int)) {
	var waiting []int
	concludeWaiting := func() {
		slices.Sort(waiting)
		for _, i := range waiting {
			conclude(i)
		}
		waiting = nil
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for range n {
		for received := false; !received; {
			select {
			case i := <-ended:
				if received = true; len(waiting) == 0 {
					timer.Reset(patience)
				}
				waiting = append(waiting, i)
			case <-timer.C:
				concludeWaiting()
			}
		}
	}
	concludeWaiting()
}

// conclude commits what was read of an account, or keeps what was read until an error.
func (w *walk) conclude(ctx context.Context, b *Result) {
	unhurried, done := grace.Context(ctx, interrupted)
	defer done()
	switch {
	case b.Err == nil:
		b.Head, b.Err = w.commit(unhurried, b.Manifest)
	case errors.Is(b.Err, quota.ErrSpent):
		w.postpone(unhurried, b)
	default:
		b.Kept = w.salvage(ctx)
	}
	w.closeSpill(b.Err == nil)
}

// Warnings that are of one run alone begin so.
const (
	lockWarning = "what was stored before is locked for less than the repository's period, and its locks could not be renewed " +
		"(mailstrata prune does it, with the owner's key and credentials that may): %v"
	spentWarning = "the budget of %d bytes a day is used up; it continues tomorrow (UTC)"
)

// passing reports whether a checkpoint's warning says nothing any more when another run goes on from it.
func passing(warning string) bool {
	for _, format := range []string{lockWarning, spentWarning} {
		if beginning, _, _ := strings.Cut(format, "%"); strings.HasPrefix(warning, beginning) {
			return true
		}
	}
	return false
}

// warnAgain takes over the warnings of a checkpoint.
func (w *walk) warnAgain(warnings []string) {
	for _, warning := range warnings {
		if !passing(warning) {
			w.warn("%s", warning)
		}
	}
}

// findParent finds the manifest that the walk goes on from: the account's newest that is committed and not marked to be
// forgotten (rules 1 and 4), be it a checkpoint; and the newest that is none. One that cannot be read is passed over, and
// told of.
func (w *walk) findParent(ctx context.Context) error {
	for head, err := range w.run.Heads(ctx, w.account.Name) {
		var m *manifest.Manifest
		if err == nil && !head.Marked {
			err = head.Misdating()
		}
		if err == nil && head.Committed() {
			m, err = archive.ReadManifest(ctx, w.repo, head)
		}
		switch {
		case err != nil && (head.Name == "" || ctx.Err() != nil):
			return fmt.Errorf("find the newest manifest of %s: %w", w.account.Name, err)
		case errors.Is(err, repo.ErrMisdated):
			w.warn("a manifest is passed over: %v", err)
		case err != nil:
			w.warn("an earlier manifest cannot be read, and is passed over: %v", err)
		case m != nil:
			if w.parent == nil {
				w.parent = &laid{head, m}
				if m.State != manifest.Complete { // nobody would find the difference again: what was read anew is recorded
					w.alarms = slices.Clone(m.Alarm)
					w.warnAgain(m.Warnings)
				}
			}
			if m.State == manifest.Complete {
				w.basis = &laid{head, m}
				return nil
			}
		}
	}
	return nil
}

func newWalk(r *repo.Repo, run *repo.Run, account Account, o Options) *walk {
	limit := quota.New(account.Budget.Second)
	account.Source = quota.Limit(account.Source, limit)
	w := &walk{
		account:     account,
		quota:       limit,
		program:     o.Program,
		repo:        r,
		run:         run,
		reader:      r.Reader(repo.ReaderOptions{}),
		tell:        o.Progress,
		note:        o.Note,
		sampler:     sample.New(account.VerifySource, run.Start(), r.MessageKey()),
		checkpoints: newCheckpoints(o.Checkpoint),
		spillAfter:  cmp.Or(o.SpillAfter, spillAfter),
		failures:    make(map[string][]manifest.Failure),
		unread:      make(map[string]bool),
		kept:        make(map[string]int64),
	}
	account.waits.Report = func(asked time.Duration, cause error) {
		w.remark(false, "the server asks to be left alone for %v, and the run waits: %v", asked, cause)
	}
	w.moves = moves.New(w.load)
	w.downloads = &fetch.Account{Server: identity.Server(account.URL), Quota: limit, Done: w.advance}
	return w
}

// open reaches the source, and meanwhile compares what others wrote of the account: before the first checkpoint, which carries
// the alarms on.
func (w *walk) open(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return w.nameUnreported(ctx) })
	group.Go(func() error {
		return source.Retry(ctx, w.account.waits, source.FirstAttempts, func() (err error) {
			w.server, err = w.account.Source.Server(ctx)
			return err
		})
	})
	return group.Wait()
}

// record reads the account and writes down what was found, ready to be committed.
func (w *walk) record(ctx context.Context) (*manifest.Manifest, error) {
	if w.parent == nil { // of an account that was erased, all manifests are marked
		if err := w.heed(ctx); err != nil {
			return nil, err
		}
	}
	if err := w.open(ctx); err != nil {
		return nil, err
	}
	if err := w.budget(ctx); err != nil {
		return nil, err
	}
	if err := w.takeUp(ctx); err != nil {
		return nil, err
	}
	consistent, err := w.follow(ctx)
	if err != nil {
		return nil, err
	}
	w.failUnnumbered()
	m, err := w.manifest(ctx, manifest.Complete)
	if err != nil {
		return nil, err
	}
	m.Consistent = consistent
	return m, w.addLosses(ctx, m)
}

// commit puts a manifest: the one moment at which what it records counts.
func (w *walk) commit(ctx context.Context, m *manifest.Manifest) (repo.Head, error) {
	head, err := w.writer.Commit(ctx, w.account.Name, m.EncodeAt)
	if err == nil {
		w.quota.Wrote(m.Downloaded)
		w.keepTables()
	}
	return head, err
}
