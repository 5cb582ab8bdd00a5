package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"filippo.io/age"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/repo"
)

type backupCommand struct {
	Account []string `arg:"" optional:"" help:"Of the accounts that --imap names, only these."`

	IMAP       []string `group:"account" name:"imap" sep:"none" placeholder:"URL" help:"An account: imaps://user@host[:port], or imap:// for STARTTLS (repeatable)."`
	Name       []string `group:"account" sep:"none" placeholder:"NAME" help:"What to call the account of the --imap at the same place; user@host if it is not told."`
	Gmail      string   `group:"account" enum:"all-mail,labels" default:"all-mail" help:"Of a Gmail account, what to read: all-mail (All Mail, Spam and Trash, each message once, with its labels) or labels (each label as the mailbox that it seems to be)."`
	imapFlags  `embed:""`
	selection  `embed:""`
	watchFlags `embed:""`

	VerifySource archive.Rate         `group:"checks" placeholder:"SHARE" help:"Download a share of what is archived again, such as 1%, and compare: other messages each day."`
	ShrinkLimit  []archive.ShrinkRule `group:"checks" sep:"none" placeholder:"LIMIT" help:"How much of its messages a mailbox or an account may lose before that is suspicious: 20%; 20%,50 for fifty at the least; off. NAME=LIMIT for one mailbox (repeatable)."`
}

func (*backupCommand) Help() string {
	return `Reads the accounts and lays one manifest for each. What the repository holds already is neither downloaded nor stored again. Nothing in the account is changed. A message that cannot be read does not stop the run: it is told, recorded, and tried again the next time. An interrupted run loses nothing that it stored; the next one goes on from there. Where a run was killed, the next one on the same host has what it had downloaded up to half a minute before, from the cache directory.

Without --repo, the repository is one of your own below your data directory. The first backup makes it, sealed to a new key file beside it, and tells where both are. KEEP A COPY OF THAT KEY: without it nobody can read the archive.

` + patternHelp + `

A mailbox that lost a fifth of its messages since the last manifest, and fifty at the least, or an account that did, is archived as it is and told: exit status 4. --shrink-limit says otherwise; of several that fit a mailbox the last one counts.

What is archived is not downloaded again. With --verify-source, a sample of it is, and compared: messages whose UID the server gave to others, or whose bytes it changed, end the run with exit status 4, and their mailbox is read anew, beside what earlier manifests hold. At 1% a night, everything has its turn within a year. An unchanged night then costs its share of the account, and no longer only its round trips.

EXAMPLES

    mailstrata backup --imap imaps://anna@mail.example
    mailstrata backup --imap imaps://anna@mail.example --imap-password-command 'pass mail/anna'
    mailstrata backup --repo s3:https://s3.example/mail --key-file /etc/mailstrata.key --imap imaps://anna@mail.example --exclude Trash --exclude Junk
    mailstrata backup --imap imaps://anna@mail.example --shrink-limit 10%,20 --shrink-limit Junk=off --shrink-limit 'Lists/*=80%'
    mailstrata backup --imap imaps://anna@a.example --name home --imap imaps://anna@b.example --name work

JSON: one object with repository, manifests (as of "list --json") and errors (account, error).

EXIT STATUS

0 done; 1 failed, for one account at least; 2 the command line makes no sense; 3 done, but some messages could not be read; 4 done, but an account shrank or changed suspiciously: look at "mailstrata show latest", and at the account; 130 interrupted.`
}

// Validate is called by kong.
func (c *backupCommand) Validate() error {
	if len(c.Name) > len(c.IMAP) {
		return fmt.Errorf("there are more --name than --imap")
	}
	return c.imapFlags.Validate()
}

func (c *backupCommand) Run(ctx context.Context, p *program) error {
	accounts, err := c.accounts()
	if err != nil {
		return err
	}
	r, l, err := p.openOrMakeOwn(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	sources, locked, err := c.sources(ctx, p, accounts)
	if err != nil {
		return err
	}
	for _, s := range sources {
		defer s.Source.Close()
	}
	told := p.progress("read")
	told.begin("looking at the mailboxes")
	backups, err := archive.BackUp(ctx, r, sources, archive.BackupOptions{
		Program: "mailstrata " + version(),
		Progress: func(now archive.Progress) {
			told.update(now.Account, tally{messages: now.Messages, bytes: now.Bytes, total: now.TotalMessages, byID: now.ByID})
		},
		VerifySource: c.VerifySource,
		Note: func(n archive.Note) {
			if n.Detail {
				p.detail("%s: %s", safe(n.Account), oneLine(n.Text))
			} else {
				p.warn("%s: %s", safe(n.Account), oneLine(n.Text))
			}
		},
	})
	told.done()
	return errors.Join(err, p.tellBackups(l, append(backups, locked...)))
}

// accounts are those that the command line names.
func (c *backupCommand) accounts() ([]*account, error) {
	var accounts []*account
	var names []string
	for i, url := range c.IMAP {
		a, err := parseAccount(url)
		if err != nil {
			return nil, err
		}
		if i < len(c.Name) {
			a.name = c.Name[i]
		}
		if slices.Contains(names, a.name) {
			return nil, &usageError{text: "two accounts are called " + quoted(a.name), hint: "tell them apart by --name"}
		}
		accounts, names = append(accounts, a), append(names, a.name)
	}
	switch {
	case len(accounts) == 0 && len(c.Account) > 0:
		return nil, &usageError{text: "an account is named by --imap and its URL", hint: "mailstrata backup --imap imaps://user@host"}
	case len(accounts) == 0:
		return nil, &usageError{text: "no account is named", hint: "name one: --imap imaps://user@host"}
	}
	for _, wanted := range c.Account {
		if !slices.Contains(names, wanted) {
			return nil, &usageError{text: "no --imap names an account " + quoted(wanted), hint: "there are " + safe(strings.Join(names, ", "))}
		}
	}
	if len(c.Account) > 0 {
		accounts = slices.DeleteFunc(accounts, func(a *account) bool { return !slices.Contains(c.Account, a.name) })
	}
	return accounts, nil
}

// sources are the accounts as archive reads them. Several are not stopped by one whose secret is not to be had: it is
// among the locked.
func (c *backupCommand) sources(ctx context.Context, p *program, accounts []*account) (sources []archive.Account, locked []*archive.Backup, err error) {
	for _, a := range accounts {
		switch err := p.unlock(ctx, a, &c.imapFlags); {
		case err != nil && (len(accounts) == 1 || ctx.Err() != nil):
			return nil, nil, err
		case err != nil:
			locked = append(locked, &archive.Backup{Account: a.name, Err: err})
			continue
		}
		a.opts.Labels = c.Gmail == "labels"
		sources = append(sources, archive.Account{
			Name: a.name, URL: a.url,
			Source: &selected{Source: imap.NewSource(a.opts), account: a.name, patterns: c.Mailbox, program: p},
			Select: func(m mail.Mailbox) bool { return c.wants(&m) },
			ShrinkLimit: func(m *mail.Mailbox) archive.ShrinkLimit {
				return archive.ShrinkRules(c.ShrinkLimit).Limit(m, func(name string, m *mail.Mailbox) bool { return pattern(name).matches(m) })
			},
		})
	}
	return sources, locked, nil
}

// openOrMakeOwn opens the repository; the user's own is made where it is missing.
func (p *program) openOrMakeOwn(ctx context.Context) (*repo.Repo, *place, error) {
	l, err := p.place()
	if err != nil {
		return nil, nil, err
	}
	r, err := p.openPlace(ctx, l)
	if l.own && errors.Is(err, repo.ErrNoRepository) {
		r, err = p.makeOwn(ctx, l)
	}
	return r, l, err
}

// makeOwn makes the repository of a user who named none: beside its key, which opens it from then on.
func (p *program) makeOwn(ctx context.Context, l *place) (*repo.Repo, error) {
	options, err := p.repoOptions(l)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(l.key), 0o700); err != nil {
		return nil, fmt.Errorf("make a directory for the repository: %w", err)
	}
	key, err := makeKeyFile(l.key)
	if err != nil {
		return nil, err
	}
	r, err := p.create(ctx, l, repo.InitOptions{Options: options, Owners: []age.Recipient{key.identity.Recipient()}}, key)
	if err != nil {
		return nil, err
	}
	p.say("A repository was made for you: " + l.path)
	p.say("It is sealed to this key file: " + l.key)
	p.say("WHO LOSES THE KEY LOSES THE ARCHIVE: keep a copy of it in another place.")
	return r, nil
}

// tellBackups prints what was laid and tells what was not as it should be.
func (p *program) tellBackups(l *place, backups []*archive.Backup) error {
	laid := []manifestSummary{}
	var failed []*archive.Backup
	for _, b := range backups {
		p.watcher.account(b)
		if b.Err != nil {
			failed = append(failed, b)
			if b.Kept {
				p.warn("%s: what was read until now is kept; the next run goes on from there", safe(b.Account))
			}
			continue
		}
		laid = append(laid, summarize(b.Head, b.Manifest))
		p.remark(b)
	}
	if err := p.printBackups(l, laid, failed); err != nil {
		return err
	}
	return p.judge(len(backups), laid, failed)
}

// remarksAtMost is how many warnings and failures of a run are told one by one.
const remarksAtMost = 10

// remark tells an account's alarms, failures and warnings.
func (p *program) remark(b *archive.Backup) {
	m := b.Manifest
	for _, alarm := range m.Alarm {
		p.alarm("%s: suspicious: %s", safe(b.Account), oneLine(alarm))
	}
	if len(m.Alarm) > 0 {
		p.say(fmt.Sprintf("hint: mailstrata diff %s %s shows what is missing", safe(b.Account)+"@latest~1", shortID(b.Head)))
	}
	for _, f := range m.Failures[:min(len(m.Failures), remarksAtMost)] {
		what := "mailbox " + quoted(f.Mailbox)
		if f.UID > 0 {
			what += fmt.Sprintf(", UID %d", f.UID)
		}
		p.warn("%s: %s could not be read: %s", safe(b.Account), what, oneLine(f.Reason))
	}
	for _, w := range m.Warnings[:min(len(m.Warnings), remarksAtMost)] {
		p.warn("%s: %s", safe(b.Account), oneLine(w))
	}
	if len(m.Failures) > remarksAtMost || len(m.Warnings) > remarksAtMost {
		p.warn("%s: more of these: mailstrata show %s", safe(b.Account), shortID(b.Head))
	}
}

func (p *program) printBackups(l *place, laid []manifestSummary, failed []*archive.Backup) error {
	if !p.flags.JSON {
		return p.printManifests(laid, false)
	}
	type failure struct {
		Account string `json:"account"`
		Error   string `json:"error"`
		Kept    bool   `json:"kept"` // what was read until then; the next run goes on from there
	}
	document := struct {
		Repository string            `json:"repository"`
		Manifests  []manifestSummary `json:"manifests"`
		Errors     []failure         `json:"errors"`
	}{Repository: l.String(), Manifests: laid, Errors: []failure{}}
	for _, b := range failed {
		document.Errors = append(document.Errors, failure{b.Account, b.Err.Error(), b.Kept})
	}
	return p.printJSON(document)
}

// judge is how the run ended as a whole.
func (p *program) judge(accounts int, laid []manifestSummary, failed []*archive.Backup) error {
	if len(failed) > 0 && accounts == 1 {
		return fmt.Errorf("archive %s: %w", failed[0].Account, failed[0].Err)
	}
	for _, b := range failed {
		p.warn("archive %s: %s", safe(b.Account), oneLine(b.Err.Error()))
		if hint := hint(b.Err); hint != "" {
			p.say("hint: " + hint)
		}
	}
	var unread int64
	shrunk := false
	for _, s := range laid {
		unread += s.Failures
		shrunk = shrunk || s.Alarms > 0
	}
	switch {
	case len(failed) > 0:
		return fmt.Errorf("%d of %d accounts were not archived", len(failed), accounts)
	case shrunk:
		return &outcome{statusShrunk, "the backup is done, but the account shrank or changed suspiciously; earlier manifests hold what is missing"}
	case unread > 0:
		return &outcome{statusPartial, "the backup is done, but some messages could not be read; the next run tries them again"}
	}
	return nil
}
