// Package backup has the command backup.
//
// The flags and the configuration become jobs (internal/job), which it archives repository by
// repository, in groups that share packs. It prints what became of each account, and ends with the
// exit status of the worst.
package backup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/internal/cli/wordindex"
	"github.com/mailstrata/mailstrata/internal/config"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/job"
	"github.com/mailstrata/mailstrata/internal/notify"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/repo"
)

// Command backs up accounts.
type Command struct {
	job.Flags      `embed:""`
	Parallel       int  `group:"account" name:"parallel-accounts" placeholder:"N" help:"How many accounts to read at once (2); at most 16."`
	Index          bool `group:"account" name:"index" help:"Afterwards, bring the index of words on this host up to date (mailstrata index). This needs an owner's key."`
	cli.WatchFlags `embed:""`
}

// IsWhole reports whether all accounts are meant. The monitoring of the configuration is for such
// runs.
func (c *Command) IsWhole() bool { return len(c.Account)+len(c.IMAP)+len(c.From) == 0 }

func (*Command) Help() string {
	return `Reads the accounts and writes one manifest for each. mailstrata changes nothing in an account, and neither downloads nor stores again what the repository holds. If a message cannot be read, the run reports it, records it, and tries again the next time. An interrupted run keeps what it stored, and the next one continues from there.

--from reads files instead of a server: a Maildir (Maildir++ or nested), an mbox or a directory of them, a directory of .eml files. mailstrata only reads them, and keeps nothing beside them: another run, on any host, archives only what is new. jmap:https://user@host reads an account over JMAP; passwords and tokens are given as for IMAP.

Without --imap and --from, the accounts are those of the configuration (docs/config.md). Without --repo and a configuration, the first backup creates a repository in your data directory, and a key file beside it. Keep a copy of this key somewhere else: without it the archive cannot be read.

` + job.PatternHelp + ` --namespace and --virtual add mailboxes that are not archived otherwise; a warning names them.

A mailbox or an account that lost a fifth of its messages, and at least fifty, is archived as it is and raises an alarm. So does an account that lost all its messages, and a mailbox that is empty or gone. Mail that moved within the account is not lost. --shrink-limit sets other limits; put them in the configuration (shrink_limits), so that forget, list, check and doctor know them too.

When the budget of --budget-day is used up, the run writes a checkpoint and ends with status 0. The first run of the next day (UTC) continues from there. Gmail locks an account that downloads 2,500 MB in a day.

EXAMPLES

    mailstrata backup
    mailstrata backup home work
    mailstrata backup --imap imaps://anna@mail.example
    mailstrata backup --imap imaps://anna@mail.example \
        --imap-password-command 'pass mail/anna'
    mailstrata backup --repo s3:https://s3.example/mail --key-file new.key \
        --imap imaps://anna@mail.example --exclude Trash
    mailstrata backup --imap imaps://anna@mail.example \
        --namespace shared --namespace 'Other Users/'
    mailstrata backup --imap imaps://anna@mail.example --shrink-limit 10%,20 \
        --shrink-limit Junk=off --shrink-limit 'Lists/*=80%'
    mailstrata backup --imap imaps://anna@a.example --name home \
        --imap imaps://anna@b.example --name work
    mailstrata backup --from maildir:~/Maildir --name anna@mail.example
    mailstrata backup --from jmap:https://anna@mail.example \
        --imap-token-command 'pass mail/anna-token'
    mailstrata backup --shard 2/8 --parallel-accounts 8

EXIT STATUS

The worst of all accounts: 0 done, or continued tomorrow; 1 failed for one account at least, or its mail could not be read (its calendars, address books and scripts are archived all the same); 2 invalid command line; 3 done, but some messages could not be read, somebody hid manifests in a bucket under lock, locks that are due could not be renewed, or the index of words could not be brought up to date; 4 done, but an account shrank or changed suspiciously (see "mailstrata show latest"); 130 interrupted.`
}

// Validate implements kong's Validatable.
func (c *Command) Validate() error {
	if len(c.Name) > len(c.IMAP)+len(c.From) {
		return fmt.Errorf("there are more --name than --imap and --from")
	}
	if c.Parallel < 0 || c.Parallel > config.MaxParallel {
		return fmt.Errorf("--parallel-accounts must be from 1 to %d", config.MaxParallel)
	}
	if c.TimeLimit < 0 {
		return fmt.Errorf("--time-limit must be longer than 0, such as 12h")
	}
	return c.AccountFlags.Validate()
}

func (c *Command) Run(ctx context.Context, p *cli.Program, again cli.Runner) error {
	if c.IsWhole() && isFirst(p) {
		if set, err := offerSetup(ctx, p, again); set || err != nil {
			return err
		}
	}
	p.LimitMemory(cli.ArchivingMemoryLimit())
	p.ListUsers = c.IsWhole()
	jobs, err := c.Jobs(ctx, p.Host)
	if err != nil {
		return err
	}
	configured, err := p.Config()
	if err != nil {
		return err
	}
	for _, path := range configured.Exposed() {
		p.Secrets.WarnExposed(path)
	}
	run := &backupRun{
		program: p, index: c.Index, accounts: len(jobs), parallel: cmp.Or(c.Parallel, configured.Parallel),
		committed: []summary.Manifest{},
	}
	for _, group := range job.Groups(jobs, p.Flags.Repo) {
		err = errors.Join(err, run.archive(ctx, group))
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(err, p.UsersError(), run.finish())
}

// printRemarks prints the alarms, failures and warnings of an account.
func printRemarks(p *cli.Program, result *backup.Result) {
	m := result.Manifest
	for _, alarm := range m.Alarm {
		p.Alarm("%s: suspicious: %s", ui.Safe(result.Account), ui.OneLine(alarm))
	}
	// Ids, because latest~1 is another manifest when somebody reads this two nights later.
	if result.Before.Name != "" {
		for _, command := range summary.Compare(
			m.Alarm, summary.ShortID(result.Before), summary.ShortID(result.Head), p.TargetWord(m.Source),
		).Show {
			p.Say(fmt.Sprintf("hint: %s shows what is missing", command))
		}
	}
	for _, f := range m.Failures[:min(len(m.Failures), ui.MaxRemarks)] {
		if result.Err != nil && f == m.Failures[0] {
			continue // it is that error, which ends the command
		}
		if f.Mailbox == "" { // the reason says what
			p.Warn("%s: %s", ui.Safe(result.Account), ui.OneLine(f.Reason))
			continue
		}
		what := "mailbox " + ui.Quote(f.Mailbox)
		if f.UID > 0 {
			what += fmt.Sprintf(", UID %d", f.UID)
		}
		p.Warn("%s: %s could not be read: %s", ui.Safe(result.Account), what, ui.OneLine(f.Reason))
	}
	for _, w := range m.Warnings[:min(len(m.Warnings), ui.MaxRemarks)] {
		p.Warn("%s: %s", ui.Safe(result.Account), ui.OneLine(w))
	}
	if len(m.Failures) > ui.MaxRemarks || len(m.Warnings) > ui.MaxRemarks {
		p.Warn("%s: mailstrata show %s lists the rest", ui.Safe(result.Account), summary.ShortID(result.Head))
	}
}

// backupRun is one run of backup. It archives accounts in groups, one repository after the other,
// and keeps only what it prints in the end, so that thousands of accounts take no more memory than
// a few.
type backupRun struct {
	program  *cli.Program
	index    bool // --index
	accounts int  // of all repositories
	parallel int  // accounts at once; 0: default

	repositories []*access.Location
	ended        map[string]string // of the last of these: the error of each account, or ""
	committed    []summary.Manifest
	failed       []backupFailure
	unlocked     bool     // locks are due, and could not be renewed
	hidden       bool     // somebody hid manifests in the bucket
	unindexed    bool     // an index of words could not be brought up to date
	postponed    []string // accounts with a checkpoint, because the budget of the day is used up
}

// backupFailure is an account that was not archived, as JSON.
type backupFailure struct {
	Account string `json:"account"`
	Error   string `json:"error"`
	Kept    bool   `json:"kept"` // what was read is kept; the next run continues from there

	err error
}

// archive archives the accounts of one repository. It returns only errors of the repository, or an
// interruption.
func (b *backupRun) archive(ctx context.Context, s *job.Group) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for _, first := range s.Jobs[:min(cmp.Or(b.parallel, 1), len(s.Jobs))] {
		first.Connect(ctx, b.program.Host)
		defer first.Disconnect()
	}
	r, l, err := b.program.OpenOrCreate(ctx, s.Repository)
	if err != nil {
		return err
	}
	defer r.Close()
	if b.index && !r.CanRead() {
		return &hint.Error{
			Text: "a writer's key cannot search mail, so this host can have no index of words",
			Hint: "run mailstrata backup without --index", Err: repo.ErrNoRole,
		}
	}
	b.repositories, b.ended = append(b.repositories, l), make(map[string]string)
	defer func() { b.program.RecordBackups(ctx, l, b.ended) }()
	defer func() {
		if l.Made() && len(b.committed) == 0 {
			b.program.Note("nothing was archived; the new repository and its key stay, and the next backup uses them")
		}
	}()
	l.RemindOfKey(r)
	progress := b.program.Progress("read")
	defer progress.Done()
	for group := range slices.Chunk(s.Jobs, backup.AccountsAtOnce) {
		if err := b.group(ctx, r, group, progress); err != nil {
			return err
		}
	}
	if text := summary.Hidden(r); text != "" {
		progress.Done()
		b.hidden = true
		b.program.Alarm("%s", text)
	}
	if b.index || l.Configured.Index {
		progress.Done()
		b.bringIndex(ctx, r)
	}
	return nil
}

// bringIndex brings the index of words up to date. The backup is done, so it only warns if that
// fails.
func (b *backupRun) bringIndex(ctx context.Context, r *repo.Repo) {
	x, _, err := wordindex.Bring(ctx, b.program, r, false)
	if err == nil {
		err = x.Close()
	}
	if err != nil && ctx.Err() == nil {
		b.unindexed = true
		b.program.Warn("the index of words is not up to date: %s", ui.OneLine(err.Error()))
	}
}

// group archives some accounts that share packs. It reads their secrets, and closes their
// connections in the end.
func (b *backupRun) group(ctx context.Context, r *repo.Repo, jobs []*job.Job, progress *ui.Progress) error {
	p := b.program
	var accounts []backup.Account
	for _, j := range jobs {
		account, err := j.Source(ctx, p.Host)
		if err != nil && (b.accounts == 1 || ctx.Err() != nil) {
			b.note(ctx, j.Name, err)
			return err
		}
		if err != nil {
			b.add(ctx, &backup.Result{Account: j.Name, Err: err})
			continue
		}
		defer account.Source.Close()
		accounts = append(accounts, account)
	}
	progress.Begin("examining the mailboxes")
	results, err := backup.Run(ctx, r, accounts, backup.Options{
		Program:  "mailstrata " + cli.Version(),
		Parallel: b.parallel,
		Progress: func(now backup.Progress) {
			progress.Update(now.Account, ui.Tally{
				Messages: now.Messages, Bytes: now.Bytes, Total: now.TotalMessages, ByID: now.ByID,
				Mailboxes: now.DoneMailboxes, AllMailboxes: now.Mailboxes,
			})
		},
		Note: func(n backup.Note) {
			if n.Detail {
				p.Detail("%s: %s", ui.Safe(n.Account), ui.OneLine(n.Text))
			} else {
				p.Warn("%s: %s", ui.Safe(n.Account), ui.OneLine(n.Text))
			}
		},
	})
	for _, result := range results {
		b.add(ctx, result)
	}
	return err
}

// note notes how the backup of an account ended. An interrupted one says nothing of the account.
func (b *backupRun) note(ctx context.Context, account string, err error) {
	switch {
	case err == nil:
		b.ended[account] = ""
	case ctx.Err() == nil:
		b.ended[account] = cmp.Or(hint.Text(err), "unknown")
	}
}

// add records the result of an account, and prints its alarms, failures and warnings.
func (b *backupRun) add(ctx context.Context, result *backup.Result) {
	b.program.WatchAccount(watchedAccount(result))
	b.note(ctx, result.Account, result.Err)
	b.unlocked = b.unlocked || result.Locks != nil
	if result.Err == nil {
		if result.Postponed {
			b.postponed = append(b.postponed, result.Account)
		}
		b.committed = append(b.committed, summary.OfManifest(result.Head, result.Manifest))
		printRemarks(b.program, result)
		return
	}
	b.failed = append(b.failed, backupFailure{result.Account, hint.Text(result.Err), result.Kept, result.Err})
	if result.Manifest != nil {
		b.committed = append(b.committed, summary.OfManifest(result.Head, result.Manifest))
		b.program.Warn("%s: the mail could not be read, and stays as it was archived before; the rest of the account is archived", ui.Safe(result.Account))
		printRemarks(b.program, result)
	}
	if result.Kept {
		b.program.Warn("%s: what was read so far is kept; the next run continues from there", ui.Safe(result.Account))
	}
}

// watchedAccount returns the result of an account for monitors.
func watchedAccount(result *backup.Result) notify.Account {
	a := notify.Account{Name: ui.Safe(result.Account)}
	if result.Err != nil {
		a.Status, a.Err = cli.StatusFailed, cmp.Or(ui.OneLine(hint.Text(result.Err)), "unknown")
		if result.Manifest != nil { // without new mail; what was read beside it may have raised an alarm
			a.Alarms = int64(len(result.Manifest.Alarm))
		}
		return a
	}
	s := summary.OfManifest(result.Head, result.Manifest)
	a.Messages, a.Bytes, a.NewMessages, a.NewBytes = s.Messages, s.Bytes, s.NewMessages, s.NewBytes
	a.Failures, a.Alarms, a.End, a.Duration = s.Failures, int64(s.Alarms), s.End, s.End.Sub(s.Start)
	switch {
	case a.Alarms > 0:
		a.Status = cli.StatusShrunk
	case a.Failures > 0, result.Locks != nil:
		a.Status = cli.StatusPartial
	}
	return a
}

// finish prints the manifests, and returns the outcome.
func (b *backupRun) finish() error {
	if len(b.repositories) == 0 {
		return nil
	}
	if err := b.print(); err != nil {
		return err
	}
	return b.outcome()
}

// maxRows is the number of accounts that are listed one by one.
const maxRows = 50

func (b *backupRun) print() error {
	p := b.program
	if p.JSON {
		document := struct {
			Repository string             `json:"repository"`
			Manifests  []summary.Manifest `json:"manifests"`
			Postponed  []string           `json:"postponed"`
			Errors     []backupFailure    `json:"errors"`
		}{Postponed: summary.List(b.postponed), Repository: b.repositories[0].String(), Manifests: b.committed, Errors: append([]backupFailure{}, b.failed...)}
		return p.PrintJSON(document)
	}
	if b.accounts <= maxRows {
		summary.PrintManifests(p.Output, b.committed, false)
		return nil
	}
	remarkable := slices.DeleteFunc(slices.Clone(b.committed), func(s summary.Manifest) bool { return s.Alarms == 0 && s.Failures == 0 })
	summary.PrintManifests(p.Output, remarkable, false)
	var messages, bytes int64
	for _, s := range b.committed {
		messages += s.NewMessages
		bytes += s.NewBytes
	}
	p.Printf("%s of %s archived; new: %s, %s", ui.Count(len(b.committed)), ui.Plural(b.accounts, "account"),
		ui.Plural(messages, "message"), ui.Size(bytes))
	return nil
}

// warnFailed reports the accounts that were not archived. It prints a hint that several failures
// share once, and only counts accounts that were not tried, because the server refused the logins
// of others.
func (b *backupRun) warnFailed() {
	var hints []string
	var untried []backupFailure
	for _, f := range b.failed {
		if errors.Is(f.err, imap.ErrNotTried) {
			untried = append(untried, f)
			continue
		}
		b.program.Warn("archive %s: %s", ui.Safe(f.Account), ui.OneLine(f.Error))
		if hint := hint.For(f.err); hint != "" && !slices.Contains(hints, hint) {
			hints = append(hints, hint)
		}
	}
	switch n := len(untried); {
	case n > maxUntried:
		b.program.Warn("%d more accounts, from %s to %s: %s",
			n, ui.Safe(untried[0].Account), ui.Safe(untried[n-1].Account), ui.OneLine(untried[0].Error))
	default:
		for _, f := range untried {
			b.program.Warn("archive %s: %s", ui.Safe(f.Account), ui.OneLine(f.Error))
		}
	}
	for _, hint := range hints {
		b.program.Say("hint: " + hint)
	}
}

// maxUntried is the number of accounts not tried that are named one by one.
const maxUntried = 5

// outcome returns the error of the run: that of the worst account.
func (b *backupRun) outcome() error {
	if len(b.failed) > 0 && b.accounts == 1 {
		return fmt.Errorf("archive %s: %w", b.failed[0].Account, b.failed[0].err)
	}
	b.warnFailed()
	var unread int64
	suspicious := false
	for _, s := range b.committed {
		unread += s.Failures
		suspicious = suspicious || s.Alarms > 0
	}
	switch {
	case len(b.failed) > 0:
		return fmt.Errorf("%d of %d accounts were not archived", len(b.failed), b.accounts)
	case suspicious:
		return cli.Shrunk("the backup is done, but the account shrank or changed suspiciously; earlier manifests hold what is missing")
	case unread > 0:
		return cli.Partial("the backup is done, but not everything could be read; the next run tries the rest again")
	case b.hidden:
		return cli.Partial("the backup is done, but somebody hid manifests in the bucket")
	case b.unindexed:
		return cli.Partial("the backup is done, but the index of words could not be brought up to date")
	case b.unlocked:
		return cli.Partial("the backup is done, but locks that are due could not be renewed; mailstrata prune renews them")
	}
	return nil
}
