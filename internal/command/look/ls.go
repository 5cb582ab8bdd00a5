package look

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/named"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// Ls lists the mailboxes of a manifest, or the messages of a mailbox.
type Ls struct {
	Manifest string `arg:"" optional:"" help:"Which manifest: an id, latest (default), latest~2, a date, friday; with ACCOUNT@ before it if needed."`
	Mailbox  string `arg:"" optional:"" help:"List the messages of this mailbox."`
}

// ListsManifests implements cli.Lister.
func (*Ls) ListsManifests() {}

func (*Ls) Help() string {
	return cli.ManifestHelp + `

Without MAILBOX, lists the mailboxes. With it, lists its messages: UID, INTERNALDATE, size, flags, sender and subject. A writer's key shows neither sender nor subject.

EXAMPLES

    mailstrata ls
    mailstrata ls INBOX
    mailstrata ls 2026-03-14 Projects/Bridge
    mailstrata ls --json latest INBOX |
        jq -r 'select(.flags | index("\\Flagged")).subject'

EXIT STATUS

0 done; 1 failed; 2 invalid command line; 3 done, but some of it could not be read; 130 interrupted.`
}

func (c *Ls) Run(ctx context.Context, p *cli.Program, r *repo.Repo) error {
	guessed := ""
	if c.Mailbox == "" && c.Manifest != "" {
		if _, err := named.ParseRef(c.Manifest); err != nil {
			c.Manifest, c.Mailbox, guessed = "", c.Manifest, c.Manifest // a mailbox of the newest
		}
	}
	c.Manifest = cmp.Or(c.Manifest, "latest")
	contents, err := named.Manifest(ctx, p.Output, r, c.Manifest)
	if err != nil {
		return cmp.Or(notAccount(ctx, r, guessed), err)
	}
	contents.KeepMail()
	p.Page()
	if c.Mailbox == "" {
		return listMailboxes(ctx, p, contents)
	}
	mailbox, err := named.Mailbox(ctx, r, contents, c.Mailbox)
	if err != nil {
		return cmp.Or(notAccount(ctx, r, guessed), err)
	}
	if mailbox.Label {
		p.Note("%s is a label: mailstrata find %s --label %[1]s lists its messages",
			ui.Quote(mailbox.Name), ui.Safe(c.Manifest))
	}
	if !mailbox.Selectable() {
		p.Note("%s cannot hold messages; mailstrata ls %s lists the mailboxes below it",
			ui.Quote(mailbox.Name), ui.Safe(c.Manifest))
	}
	l := &messageListing{Program: p, contents: contents, mailbox: mailbox, readable: r.CanRead()}
	return l.run(ctx)
}

// notAccount returns an error if a word that was taken for a mailbox is the name of an account, or
// else nil.
func notAccount(ctx context.Context, r *repo.Repo, word string) error {
	if word == "" {
		return nil
	}
	for s, err := range archive.Manifests(ctx, r) {
		if err == nil && s.Manifest.Account == word {
			return &hint.Error{
				Text: ui.Quote(word) + " is an account",
				Hint: "did you mean mailstrata ls " + ui.ShellWord(word+"@latest") + "?",
			}
		}
	}
	return nil
}

func listMailboxes(ctx context.Context, p *cli.Program, contents *archive.Contents) error {
	if !p.JSON {
		return mailboxTable(ctx, p, contents)
	}
	for mailbox, err := range contents.Mailboxes(ctx) {
		if err != nil {
			return err
		}
		if err := p.PrintJSON(summarizeMailbox(mailbox)); err != nil {
			return err
		}
	}
	return nil
}

// messageListing lists the messages of a mailbox as it reads them.
type messageListing struct {
	*cli.Program
	contents *archive.Contents
	mailbox  *manifest.Mailbox
	readable bool // the key can open mail
	table    *ui.Table
	unread   int
}

func (l *messageListing) run(ctx context.Context) error {
	if !l.JSON {
		l.table = l.Program.Table("     UID", "DATE",
			"    SIZE", "FLAGS", "FROM", "SUBJECT").Optional("FLAGS", "SIZE").Short("DATE", len(time.DateOnly))
		defer l.table.Flush()
	}
	entries := l.contents.Entries(ctx, l.mailbox)
	if l.readable {
		entries = archive.EntryHeadersAhead(ctx, l.contents.Chunks(), entries)
	}
	for entry, err := range entries {
		if err == nil {
			err = l.message(ctx, entry)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			l.unread++
			l.Warn("%s", ui.OneLine(err.Error()))
		}
	}
	if l.unread > 0 {
		return cli.Partial("some of this mailbox could not be read")
	}
	return nil
}

// message prints one message. If its header cannot be read, it prints the rest, and returns the
// error.
func (l *messageListing) message(ctx context.Context, e *manifest.Entry) error {
	s, err := summary.ReadMessage(ctx, l.contents, l.mailbox, e, l.readable)
	if l.JSON {
		return errors.Join(err, l.PrintJSON(s))
	}
	l.table.Row(ui.Right(fmt.Sprint(s.UID), "     UID"), s.When(), ui.Right(ui.Size(s.Size), "    SIZE"),
		s.Marks(), s.From, s.Subject)
	return err
}
