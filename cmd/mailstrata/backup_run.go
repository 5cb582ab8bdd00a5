package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/job"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/repo"
)

// backupRun is one call of backup. It archives accounts in groups, one repository after the other, and keeps only what
// it prints in the end. So thousands of accounts take no more memory than a few.
type backupRun struct {
	program  *program
	accounts int // of all repositories
	parallel int // accounts at once; 0: default

	repositories []*access.Location
	committed    []manifestSummary
	failed       []backupFailure
	unlocked     bool     // locks are due, and could not be renewed
	postponed    []string // accounts with a checkpoint, because the budget of the day is used up
}

// backupFailure is an account that was not archived, as JSON.
type backupFailure struct {
	Account string `json:"account"`
	Error   string `json:"error"`
	Kept    bool   `json:"kept"` // what was read is kept; the next run continues from there

	err error
}

// archive archives the accounts of one repository. It returns only errors of the repository, or an interruption.
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
	b.repositories = append(b.repositories, l)
	l.RemindOfKey(r)
	progress := b.program.Progress("read")
	defer progress.Done()
	for group := range slices.Chunk(s.Jobs, backup.AccountsAtOnce) {
		if err := b.group(ctx, r, group, progress); err != nil {
			return err
		}
	}
	return nil
}

// group archives some accounts that share packs. It reads their secrets, and closes their connections in the end.
func (b *backupRun) group(ctx context.Context, r *repo.Repo, orders []*job.Job, progress *ui.Progress) error {
	p := b.program
	var sources []backup.Account
	for _, o := range orders {
		source, err := o.Source(ctx, p.Host)
		if err != nil && (b.accounts == 1 || ctx.Err() != nil) {
			return err
		}
		if err != nil {
			b.add(&backup.Result{Account: o.Name, Err: err})
			continue
		}
		defer source.Source.Close()
		sources = append(sources, source)
	}
	progress.Begin("examining the mailboxes")
	backups, err := backup.Run(ctx, r, sources, backup.Options{
		Program:  "mailstrata " + version(),
		Parallel: b.parallel,
		Progress: func(now backup.Progress) {
			progress.Update(now.Account, ui.Tally{Messages: now.Messages, Bytes: now.Bytes, Total: now.TotalMessages, ByID: now.ByID, Mailboxes: now.DoneMailboxes, AllMailboxes: now.Mailboxes})
		},
		Note: func(n backup.Note) {
			if n.Detail {
				p.Detail("%s: %s", ui.Safe(n.Account), ui.OneLine(n.Text))
			} else {
				p.Warn("%s: %s", ui.Safe(n.Account), ui.OneLine(n.Text))
			}
		},
	})
	for _, backup := range backups {
		b.add(backup)
	}
	return err
}

// add records the result of an account, and prints its alarms, failures and warnings.
func (b *backupRun) add(backup *backup.Result) {
	b.program.watcher.addAccount(backup)
	b.unlocked = b.unlocked || backup.Locks != nil
	if backup.Err == nil {
		if backup.Postponed {
			b.postponed = append(b.postponed, backup.Account)
		}
		b.committed = append(b.committed, summarize(backup.Head, backup.Manifest))
		b.program.printRemarks(backup)
		return
	}
	b.failed = append(b.failed, backupFailure{backup.Account, backup.Err.Error(), backup.Kept, backup.Err})
	if backup.Kept {
		b.program.Warn("%s: what was read so far is kept; the next run continues from there", ui.Safe(backup.Account))
	}
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

// mostRows is the number of accounts that are listed one by one.
const mostRows = 50

func (b *backupRun) print() error {
	p := b.program
	if p.flags.JSON {
		document := struct {
			Repository string            `json:"repository"`
			Manifests  []manifestSummary `json:"manifests"`
			Postponed  []string          `json:"postponed"`
			Errors     []backupFailure   `json:"errors"`
		}{Postponed: list(b.postponed), Repository: b.repositories[0].String(), Manifests: b.committed, Errors: append([]backupFailure{}, b.failed...)}
		return p.PrintJSON(document)
	}
	if b.accounts <= mostRows {
		return printManifests(p, b.committed, false)
	}
	remarkable := slices.DeleteFunc(slices.Clone(b.committed), func(s manifestSummary) bool { return s.Alarms == 0 && s.Failures == 0 })
	if err := printManifests(p, remarkable, false); err != nil {
		return err
	}
	var messages, bytes int64
	for _, s := range b.committed {
		messages += s.NewMessages
		bytes += s.NewBytes
	}
	p.Printf("%d of %s archived; new: %s, %s", len(b.committed), ui.Plural(b.accounts, "account"), ui.Plural(messages, "message"), ui.Size(bytes))
	return nil
}

// warnFailed reports the accounts that were not archived. It prints a hint that several failures share once, and only
// counts accounts that were not tried, because the server refused the logins of others.
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
	case n > mostUntried:
		b.program.Warn("%d more accounts, from %s to %s: %s", n, ui.Safe(untried[0].Account), ui.Safe(untried[n-1].Account), ui.OneLine(untried[0].Error))
	default:
		for _, f := range untried {
			b.program.Warn("archive %s: %s", ui.Safe(f.Account), ui.OneLine(f.Error))
		}
	}
	for _, hint := range hints {
		b.program.Say("hint: " + hint)
	}
}

// mostUntried is the number of accounts not tried that are named one by one.
const mostUntried = 5

// outcome returns the error of the run: that of the worst account.
func (b *backupRun) outcome() error {
	if len(b.failed) > 0 && b.accounts == 1 {
		return fmt.Errorf("archive %s: %w", b.failed[0].Account, b.failed[0].err)
	}
	b.warnFailed()
	var unread int64
	shrunk := false
	for _, s := range b.committed {
		unread += s.Failures
		shrunk = shrunk || s.Alarms > 0
	}
	switch {
	case len(b.failed) > 0:
		return fmt.Errorf("%d of %d accounts were not archived", len(b.failed), b.accounts)
	case shrunk:
		return &outcome{statusShrunk, "the backup is done, but the account shrank or changed suspiciously; earlier manifests hold what is missing"}
	case unread > 0:
		return &outcome{statusPartial, "the backup is done, but some messages could not be read; the next run tries them again"}
	case b.unlocked:
		return &outcome{statusPartial, "the backup is done, but locks that are due could not be renewed; mailstrata prune renews them"}
	}
	return nil
}
