package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/internal/config"
	"github.com/mailstrata/mailstrata/internal/job"
	"github.com/mailstrata/mailstrata/internal/ui"
)

type backupCommand struct {
	job.Flags  `embed:""`
	Parallel   int `group:"account" name:"parallel-accounts" placeholder:"N" help:"How many accounts to read at once (2); at most 16."`
	watchFlags `embed:""`
}

// isWhole implements wholeCommand.
func (c *backupCommand) isWhole() bool { return len(c.Account)+len(c.IMAP) == 0 }

func (*backupCommand) Help() string {
	return `Reads the accounts and writes one manifest for each. mailstrata changes nothing in an account, and neither downloads nor stores again what the repository holds. If a message cannot be read, the run reports it, records it, and tries again the next time. An interrupted run keeps what it stored, and the next one continues from there.

Without --imap, the accounts are those of the configuration (docs/config.md). Without --repo and a configuration, the first backup creates a repository in your data directory, and a key file beside it. Keep a copy of this key somewhere else: without it the archive cannot be read.

` + job.PatternHelp + ` --namespace and --virtual add mailboxes that are not archived otherwise; a warning names them.

A mailbox or an account that lost a fifth of its messages, and at least fifty, is archived as it is and raises an alarm. So does an account that lost all its messages, and a mailbox that is empty or gone. Mail that moved within the account is not lost. --shrink-limit sets other limits; put them in the configuration (shrink_limits), so that forget, list, check and doctor know them too.

When the budget of --budget-day is used up, the run writes a checkpoint and ends with status 0. The first run of the next day (UTC) continues from there. Gmail locks an account that downloads 2,500 MB in a day.

EXAMPLES

    mailstrata backup
    mailstrata backup home work
    mailstrata backup --imap imaps://anna@mail.example
    mailstrata backup --imap imaps://anna@mail.example --imap-password-command 'pass mail/anna'
    mailstrata backup --repo s3:https://s3.example/mail --key-file /etc/mailstrata.key --imap imaps://anna@mail.example --exclude Trash
    mailstrata backup --imap imaps://anna@mail.example --namespace shared --namespace 'Other Users/'
    mailstrata backup --imap imaps://anna@mail.example --shrink-limit 10%,20 --shrink-limit Junk=off --shrink-limit 'Lists/*=80%'
    mailstrata backup --imap imaps://anna@a.example --name home --imap imaps://anna@b.example --name work
    mailstrata backup --shard 2/8 --parallel-accounts 8

EXIT STATUS

The worst of all accounts: 0 done, or continued tomorrow; 1 failed for one account at least; 2 invalid command line; 3 done, but some messages could not be read, or locks that are due could not be renewed; 4 done, but an account shrank or changed suspiciously (see "mailstrata show latest"); 130 interrupted.`
}

// Validate implements kong's Validatable.
func (c *backupCommand) Validate() error {
	if len(c.Name) > len(c.IMAP) {
		return fmt.Errorf("there are more --name than --imap")
	}
	if c.Parallel < 0 || c.Parallel > config.MaxParallel {
		return fmt.Errorf("--parallel-accounts must be from 1 to %d", config.MaxParallel)
	}
	if c.TimeLimit < 0 {
		return fmt.Errorf("--time-limit must be longer than 0, such as 12h")
	}
	return c.AccountFlags.Validate()
}

func (c *backupCommand) Run(ctx context.Context, p *program) error {
	p.aimAt(archivingGoal())
	orders, err := c.Jobs(ctx, p.Host)
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
	run := &backupRun{program: p, accounts: len(orders), parallel: cmp.Or(c.Parallel, configured.Parallel), committed: []manifestSummary{}}
	for _, stack := range job.Groups(orders, p.flags.Repo) {
		err = errors.Join(err, run.archive(ctx, stack))
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(err, run.finish())
}

// mostRemarks is the number of warnings or failures that are printed one by one.
const mostRemarks = 10

// printRemarks prints the alarms, failures and warnings of an account.
func (p *program) printRemarks(b *backup.Result) {
	m := b.Manifest
	for _, alarm := range m.Alarm {
		p.Alarm("%s: suspicious: %s", ui.Safe(b.Account), ui.OneLine(alarm))
	}
	if len(m.Alarm) > 0 {
		p.Say(fmt.Sprintf("hint: mailstrata diff %s %s shows what is missing", ui.Safe(b.Account)+"@latest~1", shortID(b.Head)))
	}
	for _, f := range m.Failures[:min(len(m.Failures), mostRemarks)] {
		what := "mailbox " + ui.Quote(f.Mailbox)
		if f.UID > 0 {
			what += fmt.Sprintf(", UID %d", f.UID)
		}
		p.Warn("%s: %s could not be read: %s", ui.Safe(b.Account), what, ui.OneLine(f.Reason))
	}
	for _, w := range m.Warnings[:min(len(m.Warnings), mostRemarks)] {
		p.Warn("%s: %s", ui.Safe(b.Account), ui.OneLine(w))
	}
	if len(m.Failures) > mostRemarks || len(m.Warnings) > mostRemarks {
		p.Warn("%s: mailstrata show %s lists the rest", ui.Safe(b.Account), shortID(b.Head))
	}
}
