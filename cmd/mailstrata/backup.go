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
	Parallel   int `group:"account" name:"parallel-accounts" placeholder:"N" help:"How many accounts to read at once (2), 16 at the most."`
	watchFlags `embed:""`
}

// isWhole implements whole.
func (c *backupCommand) isWhole() bool { return len(c.Account)+len(c.IMAP) == 0 }

func (*backupCommand) Help() string {
	return `Reads the accounts and lays one manifest for each. What the repository holds already is neither downloaded nor stored again. Nothing in the account is changed. A message that cannot be read does not stop the run: it is told, recorded, and tried again the next time. An interrupted run loses nothing that it stored; the next one goes on from there. Where a run was killed, the next one on the same host has what it had downloaded up to half a minute before, but for its first five seconds, from the cache directory.

Without --imap, the accounts are those of the configuration (docs/config.md), or of these the ones that are named, each into its repository. What a flag says counts, before what the configuration says of an account. Accounts are read side by side, and one that fails does not stop the others; of more than fifty, only those are listed of which there is something to tell, and then the sum.

Without --repo and a configuration, the repository is one of your own below your data directory. The first backup makes it, sealed to a new key file beside it, and tells where both are. KEEP A COPY OF THAT KEY: without it nobody can read the archive.

` + job.PatternHelp + `

Shared mailboxes and those of other users are in namespaces of their own. They are archived if --namespace names their namespace. Otherwise a warning names them, unless --exclude does. Virtual mailboxes of Dovecot show messages of other mailboxes. They are archived with --virtual; otherwise a warning names them.

A mailbox or an account that lost a fifth of its messages since the last manifest, and at least fifty, is archived as it is and raises an alarm: exit status 4. An account that lost all its messages, and a mailbox that is empty or gone (but not Trash, Junk and Drafts), raise one whatever their size. Mail that was renamed or moved within the account is not lost. --shrink-limit sets other limits; of several that fit a mailbox the last one counts. Limits belong in the configuration (shrink_limits): a manifest does not record them, and forget, list, check and doctor do not know those of flags.

What other hosts wrote of the account since this host's last backup is compared in the same way. A manifest that lacks mail of the one before it and has no alarm may have been written with a stolen key. It raises an alarm, unless mailstrata forget --acknowledge has said that the loss is right.

What is archived is not downloaded again. With --verify-source, a sample of it is, and compared: messages whose UID the server gave to others, or whose bytes it changed, end the run with exit status 4, and their mailbox is read anew, beside what earlier manifests hold. At 1% a night, everything has its turn within a year. An unchanged night then costs its share of the account, and no longer only its round trips.

With --budget-day, a run that has downloaded so much of an account ends there with a checkpoint, which holds what came, and exit status 0; the first run of another day (UTC) goes on from it. What was downloaded stands in the repository, so all hosts share a day's budget. What a run was killed over, and did not write down, is not counted. Gmail locks an account that downloads 2,500 MB in a day; so 2 GB is the budget there, unless another is given.

EXAMPLES

    mailstrata backup
    mailstrata backup home work
    mailstrata backup --shard 2/8 --parallel-accounts 8
    mailstrata backup --imap imaps://anna@mail.example
    mailstrata backup --imap imaps://anna@mail.example --imap-password-command 'pass mail/anna'
    mailstrata backup --repo s3:https://s3.example/mail --key-file /etc/mailstrata.key --imap imaps://anna@mail.example --exclude Trash --exclude Junk
    mailstrata backup --imap imaps://anna@mail.example --namespace shared --namespace 'Other Users/'
    mailstrata backup --imap imaps://anna@mail.example --shrink-limit 10%,20 --shrink-limit Junk=off --shrink-limit 'Lists/*=80%'
    mailstrata backup --imap imaps://anna@a.example --name home --imap imaps://anna@b.example --name work

JSON: one object with repository, manifests (as of "list --json"), postponed (accounts that continue tomorrow) and errors (account, error).

EXIT STATUS

The worst that befell any account: 0 done, or the budget of the day is used up and it continues tomorrow; 1 failed, for one account at least; 2 the command line makes no sense; 3 done, but some messages could not be read, or locks that are due could not be renewed; 4 done, but an account shrank or changed suspiciously: look at "mailstrata show latest", and at the account; 130 interrupted.`
}

// Validate is called by kong.
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

// mostRemarks is how many warnings and failures of a run are told one by one.
const mostRemarks = 10

// printRemarks tells an account's alarms, failures and warnings.
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
		p.Warn("%s: more of these: mailstrata show %s", ui.Safe(b.Account), shortID(b.Head))
	}
}
