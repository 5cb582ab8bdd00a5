package backup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mailstrata/mailstrata/backup/fetch"
	"github.com/mailstrata/mailstrata/backup/identity"
	"github.com/mailstrata/mailstrata/backup/moves"
	"github.com/mailstrata/mailstrata/backup/quota"
	"github.com/mailstrata/mailstrata/backup/sample"
	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/internal/grace"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/recovery"
)

// accountRun is one run over one account: its state, and what its parts share.
type accountRun struct {
	Account
	program string
	note    func(Note)
	repo    *repo.Repo
	run     *repo.Run
	server  mail.Server

	shared bool // other accounts are archived at the same time and share its packs

	parent       *base   // the newest manifest, perhaps a checkpoint; the run continues from it
	lastComplete *base   // the newest complete manifest; losses are reported relative to it
	beside       []*base // complete ones beside which its run ran; losses are reported relative to them too

	recorder   *recorder                 // the new manifest
	items      atomic.Pointer[itemsRead] // scripts, calendars and address books; nil: not read yet
	mailRead   atomic.Pointer[time.Time] // when the mail was read, or could not be; nil: not yet
	properties propertiesRead            // access rights and annotations
	vanished   *vanished                 // messages and mailboxes that vanished while the account was read
	moves      *moves.Index
	catalog    *catalog
	progress   *tracker

	checkpoints   *checkpoints
	quota         *quota.Quota
	postponed     atomic.Bool // the day's budget is used up, and something was left out
	recoveryAfter time.Duration
	recovery      *recovery.Log // nil: none
	downloads     *fetch.Shared
	sampler       *sample.Sampler // nil: verify nothing
}

func newAccountRun(r *repo.Repo, run *repo.Run, reader *repo.Reader, account Account, o Options) *accountRun {
	limit := quota.New(account.Budget.Second)
	account.Source = quota.Limit(account.Source, limit)
	a := &accountRun{
		Account:       account,
		program:       o.Program,
		note:          o.Note,
		repo:          r,
		run:           run,
		catalog:       &catalog{repo: r, account: account.Name, reader: reader},
		progress:      &tracker{report: o.Progress, progress: Progress{Account: account.Name}},
		checkpoints:   newCheckpoints(o.Checkpoint),
		quota:         limit,
		recoveryAfter: cmp.Or(o.RecoveryAfter, defaultRecoveryAfter),
		sampler:       sample.New(account.VerifySource, run.Start(), r.MessageKey()),
	}
	a.recorder = newRecorder(&a.Account)
	a.moves = moves.New(a.catalog.load)
	a.vanished = &vanished{recorder: a.recorder, catalog: a.catalog, moves: a.moves}
	a.downloads = &fetch.Shared{
		Server: identity.Server(account.URL), Quota: limit, Done: func(bytes int64) { a.advance(bytes, false) },
	}
	account.waits.Report = func(wait time.Duration, cause error) {
		a.remark(false, "the server asks to wait for %v, and the run waits: %v", wait, cause)
	}
	return a
}

// advance counts a message that was matched with an archived one, or downloaded.
func (a *accountRun) advance(bytes int64, matched bool) {
	a.checkpoints.downloaded(bytes)
	a.progress.advance(bytes, matched)
}

// release ends the connections to the account after it was read, and drops what only reading it
// needs, because the account may wait for others. A run that is renewed reads the account again.
func (a *accountRun) release(err error) {
	a.moves, a.vanished, a.sampler = nil, nil, nil
	if !errors.Is(err, errRenew) {
		_ = a.Source.Close()
	}
}

// open contacts the server, and compares what other hosts wrote of the account at the same time. It
// comes before the first checkpoint, which carries the alarms. unread is why the server gives no
// answer.
func (a *accountRun) open(ctx context.Context) (unread, err error) {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return a.addUnreported(ctx) })
	group.Go(func() error {
		unread = source.Retry(ctx, a.waits, source.FirstAttempts, func() (err error) {
			a.server, err = a.Source.Server(ctx)
			return err
		})
		return nil // the comparison goes on, because a manifest without the mail needs it, too
	})
	err = group.Wait()
	return unread, err
}

// read reads the account and returns a manifest that is ready to be committed.
func (a *accountRun) read(ctx context.Context) (*manifest.Manifest, error) {
	if a.parent == nil { // if an account was erased, all of its manifests are marked
		a.catalog.writer.Prepare()
		if err := a.checkNotErased(ctx); err != nil {
			return nil, err
		}
	}
	if err := a.continueSource(ctx); err != nil {
		return nil, err
	}
	unread, err := a.open(ctx)
	if err != nil {
		return nil, err
	}
	if unread != nil { // the rest of the account has other servers
		a.mailEnded()
		return nil, cmp.Or(a.readItems(ctx), unread)
	}
	if err := a.limitToday(ctx); err != nil {
		return nil, err
	}
	if err := a.recoverDownloads(ctx); err != nil {
		return nil, err
	}
	consistent, err := a.readAll(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.readProperties(ctx); err != nil {
		return nil, err
	}
	ctx, done := grace.Context(ctx, writeGrace) // an interruption while the last pages were stored came too late
	defer done()
	if f := a.recorder.nothingRead(); f != nil && a.parent == nil {
		return nil, fmt.Errorf("no mailbox can be read, so nothing is archived: mailbox %q: %s", f.Mailbox, f.Reason)
	}
	a.recorder.failUncounted()
	m, err := a.manifest(ctx, manifest.Complete)
	if err != nil {
		return nil, err
	}
	m.Consistent = consistent
	return m, a.addLosses(ctx, m)
}

// readAll reads the mail, and meanwhile scripts, calendars and address books, so that both share
// packs. It reports whether the mail is proved to be of one instant. If the mail cannot be read,
// the others are read to their end.
func (a *accountRun) readAll(ctx context.Context) (consistent bool, err error) {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return a.readItems(ctx) })
	var unread error
	group.Go(func() error {
		consistent, unread = (&scheduler{accountRun: a}).readInRounds(ctx)
		a.mailEnded()
		if errors.Is(unread, errRenew) {
			return unread // another run reads everything
		}
		return nil
	})
	err = group.Wait()
	return consistent, cmp.Or(err, unread)
}

// session returns a session to read a mailbox.
func (a *accountRun) session(mailbox mail.Mailbox) *source.Session {
	return source.NewSession(a.Source, a.waits, mailbox)
}

// remark reports something about this host and this run.
func (a *accountRun) remark(detail bool, format string, args ...any) {
	if a.note != nil {
		a.note(Note{a.Name, fmt.Sprintf(format, args...), detail})
	}
}

// defaultTimeLimit is how long reading an account may take by default. A server that answers
// endlessly must not hold a run forever.
const defaultTimeLimit = 48 * time.Hour

// readInTime calls read within the account's time limit, which counts from the first of several
// runs.
func (a *accountRun) readInTime(ctx context.Context) (*manifest.Manifest, error) {
	limit := cmp.Or(a.TimeLimit, defaultTimeLimit)
	if a.began.IsZero() {
		*a.began = time.Now()
	}
	late := errors.New("time limit exceeded")
	ctx, cancel := context.WithDeadlineCause(ctx, a.began.Add(limit), late)
	defer cancel()
	m, err := a.read(ctx)
	if err != nil && context.Cause(ctx) == late {
		return nil, fmt.Errorf("reading the account exceeded its time limit of %v (--time-limit), after %d messages; "+
			"the server answers too slowly or endlessly", limit, a.progress.messages())
	}
	return m, err
}

// What was erased from the repository is not archived again. A message is recognized by its hash,
// so a run has to download it once, under a UID that is not recorded. The mailbox then records the
// UID as erased and counts as complete, and no later run requests the message.

// checkNotErased returns an error if the account was erased.
func (a *accountRun) checkNotErased(ctx context.Context) error {
	erasures, err := a.run.Erasures(ctx)
	if err != nil {
		return err
	}
	if since, erased := erasures.Account(a.repo.AccountDir(a.Name)); erased {
		return fmt.Errorf("%w on %s, and is no longer archived: "+
			"remove the account from the configuration, or archive it under another name",
			repo.ErrErased, since.UTC().Format(time.DateOnly))
	}
	return nil
}
