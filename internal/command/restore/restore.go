package restore

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/archive/search/query"
	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/conditions"
	"github.com/mailstrata/mailstrata/internal/cli/named"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/job"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/restore"
)

// Command restores mail.
type Command struct {
	Manifest string `arg:"" optional:"" help:"Which manifest: an id, latest, latest~2, a date, friday; with ACCOUNT@ before it if needed. With conditions such as --text or --from, the newest one is the default."`

	named.Place `embed:""`

	To                  string `group:"target" placeholder:"TARGET" help:"Target: maildir:PATH, mbox:PATH, eml:PATH, zip:FILE, tar:FILE, imaps://user@host[:port], imap://…, jmap:https://user@host, or the name of an account in the configuration."`
	job.Selection       `embed:""`
	WithDeleted         bool          `group:"target" help:"Also restore the flag \\Deleted. By default such messages come back without it."`
	Prefix              string        `group:"target" placeholder:"NAME" help:"Put the mailboxes below this one."`
	Layout              string        `group:"target" enum:"maildir++,nested" default:"maildir++" help:"Maildir: maildir++ (.Work.2026) or nested (Work/2026)."`
	EOL                 string        `group:"target" name:"eol" enum:"auto,lf,keep" default:"auto" help:"Maildir line ends. auto: LF if every line ended in CRLF, else as they are; lf: always LF; keep: as they are."`
	Keep                string        `group:"target" type:"path" placeholder:"DIR" help:"Directory for messages that the target refuses or alters, as .eml, with a report. Default: mailstrata-kept-ID, here."`
	LabelsAs            string        `group:"target" enum:"mailboxes,keywords,none" default:"mailboxes" help:"Gmail labels: mailboxes (a copy in the mailbox of each label, or in All Mail), keywords (one copy, with labels as keywords) or none. Gmail itself gets one copy with all its labels, also of a message that --mailbox chooses by one of them."`
	ACL                 bool          `group:"target" name:"acl" help:"Also restore access rights to mailboxes of an IMAP account. An identifier that has rights there keeps them."`
	Metadata            bool          `group:"target" help:"Also restore annotations of mailboxes and of the account. One that exists there keeps its value."`
	Prune               bool          `group:"prune" help:"Make the target exactly the manifest: remove messages that it does not have, and set flags. Asks first."`
	Yes                 bool          `group:"target" help:"Do not ask. The target must then be named by --to."`
	EvenIncomplete      bool          `group:"prune" help:"Also from a manifest that may lack messages (failures, incomplete mailboxes, an alarm), and even if the target refused some."`
	DryRun              bool          `group:"target" help:"Only show what would be restored. The target is read, and not changed."`
	TimeLimit           time.Duration `group:"target" placeholder:"DURATION" help:"Give up if nothing was restored for this long (6h). Run the same restore again to continue."`
	pickFlags           `embed:""`
	access.AccountFlags `embed:""`

	offered bool // --to is the account of the manifest, and the user did not name it
}

// ListsManifests implements cli.Lister.
func (*Command) ListsManifests() {}

func (*Command) Help() string {
	return `Restores mail from a manifest. Without --prune, a restore only adds: it never changes or removes what the target holds, and adds nothing twice. You can run the same restore again, also after an interruption. Do not run two restores into one target from two hosts at once. Each message is verified before it is written.

A maildir: and an eml: are directories. mbox:PATH is a directory with an mbox for each mailbox, or one mbox for all if PATH ends in .mbox. zip:FILE and tar:FILE (.tar, .tar.gz) are one file with the messages as .eml. Files of mbox:, zip: and tar: are written once: they get their names when they are complete, and a file that exists is an error.

--acl and --metadata also restore access rights and annotations, for the identifiers of the archived account. They only add: an identifier that has rights at the target keeps them, an annotation keeps its value, and mailstrata names what differs.

Without --to, in a terminal, a restore is into the account that was archived. mailstrata asks before it adds mail to an account on a server, if you named no target or no manifest. With --yes it does not ask, and --to must name the target.

mailstrata restores flags, keywords and INTERNALDATE as far as the target takes them. It reports each message that the target alters or refuses, and keeps it as .eml beside a report.

` + cli.ManifestHelp + `

` + job.PatternHelp + `

` + conditions.Help + `

EXAMPLES

To get back a folder that was deleted, into the account or to this host:

    mailstrata list
    mailstrata restore 2026-03-13 --mailbox Projects --to anna@mail.example
    mailstrata restore 2026-03-13 --mailbox Projects --to maildir:/tmp/projects

To get back what was deleted since Friday, but not what only moved, from the last night that had it:

    mailstrata restore --deleted-since friday --to anna@mail.example --dry-run
    mailstrata restore --deleted-since friday --to imaps://anna@mail.example
    mailstrata restore --deleted-since 2w --subject bridge --to maildir:found

To get back what one manifest has and another lacks:

    mailstrata restore 2026-03-13 --missing-from latest --to anna@mail.example

To get back one message, or those that a search finds, in one manifest or in all:

    mailstrata restore 2026-03-14 --mailbox Projects --message 12 --to eml:found
    mailstrata restore latest --from joao --since 2026-02-01 --to maildir:found
    mailstrata restore latest --text 'invoice has:attachment' \
        --to imaps://anna@mail.example --prefix Found
    mailstrata restore --all --text '"old bridge" from:joao' --to maildir:found

To take a folder out as one file, for Thunderbird, Apple Mail or a lawyer:

    mailstrata restore latest --mailbox Projects --to mbox:/tmp/projects.mbox
    mailstrata restore latest --mailbox Projects --to zip:/tmp/projects.zip

To move everything to another server, below a mailbox "Old"; and a Gmail account, each message once:

    mailstrata restore latest --to imaps://anna@new.example --keep refused
    mailstrata restore latest --to imaps://anna@new.example --labels-as keywords

To bring back access rights and annotations that are gone, and see before what that would be:

    mailstrata restore latest --to anna@mail.example --acl --metadata --dry-run
    mailstrata restore latest --to imaps://anna@mail.example --acl --metadata

To make an account exactly what it was on a day:

    mailstrata restore 2026-03-14 --to anna@mail.example --prune --dry-run
    mailstrata restore 2026-03-14 --to imaps://anna@mail.example --prune

TO MAKE THE TARGET EXACTLY THE MANIFEST

With --prune, mailstrata restores first. Then it removes messages that the manifest does not have, sets flags, and removes mailboxes that the manifest does not have. It asks before it changes anything, and never removes what came into the target after that. With --mailbox or --exclude, it prunes only the chosen mailboxes, and removes none. It never removes INBOX, removes messages from an IMAP server only by UID, and removes nothing from Gmail.

EXIT STATUS

0 done; 1 failed, or the target refused all mailboxes; 2 invalid command line; 3 done, but some messages could not be read from the archive, were altered or refused by the target, or lost a flag such as \Seen there; 130 interrupted.`
}

func (c *Command) Run(ctx context.Context, p *cli.Program) error {
	record, w, err := c.check()
	if err != nil {
		return err
	}
	isDefault := c.Manifest == ""
	c.Manifest = cmp.Or(c.Manifest, "latest")
	var r *repo.Repo
	if c.To == "" {
		if r, err = c.offerTarget(ctx, p); err != nil {
			return err
		}
		defer r.Close()
	}
	destination, err := c.destination(p)
	if err != nil {
		return err
	}
	if !c.DryRun {
		release, err := destination.Lock(ctx, p.Host, c.To)
		if err != nil {
			return err
		}
		defer release()
	}
	if r == nil {
		p.Host.Spares = firstRequests
		if r, err = p.Open(ctx); err != nil {
			return err
		}
		defer r.Close()
	}
	readable := access.MayRead(r)
	if readable != nil &&
		(!c.DryRun || c.Prune || c.DeletedSince != "" || c.All || record.ReadsMail() || w.Words != nil) {
		return readable
	}
	o, err := c.options(ctx, p, r, record, w, isDefault)
	if err != nil {
		return err
	}
	if readable == nil {
		if o.Target, err = destination.Open(ctx, p.Host); err != nil {
			return err
		}
		if _, ok := o.Target.(restore.PropertyTarget); !ok && (c.ACL || c.Metadata) {
			return errors.Join(hint.Usagef("--acl and --metadata restore to an IMAP account, not to files"),
				o.Target.Close())
		}
		if c.Prefix != "" {
			o.Target = &job.PrefixTarget{Target: o.Target, Prefix: c.Prefix}
		}
	}
	o.Confirm = c.confirm(p, !isDefault)
	report, err := restoreTo(ctx, p, o)
	err = adviseRefused(destination.Advise(err))
	if isDefault && c.DeletedSince == "" && !c.All && err == nil {
		p.Note("only the newest manifest was searched; --all restores what older ones have, too")
	}
	err = errors.Join(err, c.print(p, o.Contents, report, err == nil))
	if m := o.Contents.Manifest; len(m.ItemSources) > 0 && len(c.Mailbox) == 0 && len(c.Message) == 0 &&
		c.DeletedSince == "" && !c.All && !record.ReadsMail() && w.Words == nil {
		p.Note("only mail is restored; calendars, address books and scripts: mailstrata items %s --to %s",
			summary.ShortID(o.Contents.Head), ui.ShellWord(c.To))
	}
	return err
}

// check checks the command line, and returns its conditions for records and for words.
func (c *Command) check() (record search.Query, w *query.Query, err error) {
	if err := c.Take(&c.Selection, &c.Message, "restore"); err != nil {
		return record, nil, err
	}
	if err := c.checkPrune(); err != nil {
		return record, nil, err
	}
	if err := errors.Join(c.checkSince(), c.checkAll()); err != nil {
		return record, nil, err
	}
	if c.TimeLimit < 0 {
		return record, nil, hint.Usagef("--time-limit must be longer than 0, such as 6h")
	}
	if record, err = c.Search(c.Recipient); err != nil {
		return record, nil, err
	}
	if w, err = conditions.Parse(c.Query, &record); err != nil {
		return record, nil, err
	}
	if c.Manifest == "" && c.DeletedSince == "" && !c.All && (w.IsZero() || c.Prune || c.MissingFrom != "") {
		err = &hint.Usage{Text: "<manifest> is missing",
			Hint: "latest is the newest manifest, and mailstrata list shows all; see mailstrata restore --help"}
	}
	return record, w, err
}

// options opens the manifest, and returns what of it is restored.
func (c *Command) options(
	ctx context.Context, p *cli.Program, r *repo.Repo, record search.Query, w *query.Query, isDefault bool,
) (restore.Options, error) {
	contents, err := c.open(ctx, p, r, isDefault)
	if err != nil {
		return restore.Options{}, err
	}
	if sources := summary.OfSources(contents.Manifest); contents.Manifest.MailInherited() {
		if contents.Manifest.Totals.Mailboxes == 0 {
			p.Warn("manifest %s was written before the mail was read as a whole, and has none; mailstrata list shows checkpoints, which have what was read, "+
				"and restore takes the ID of one", summary.ShortID(contents.Head))
		} else {
			p.Warn("manifest %s has the mail of an earlier one: %s", summary.ShortID(contents.Head), sources[0].Words())
		}
	}
	switch {
	case c.DeletedSince != "":
		contents, err = c.deletedSince(ctx, p, r, contents, w)
	case c.All:
		contents, err = c.allNights(ctx, p, r, contents, record, w)
	default:
		err = c.checkMailboxes(ctx, p, r, contents, w)
	}
	if err != nil {
		return restore.Options{}, err
	}
	pick, wants, err := c.pick(ctx, p, r, contents, record, w)
	if err != nil {
		return restore.Options{}, err
	}
	mirror, err := c.pruneOptions(ctx, p, r, contents)
	return restore.Options{
		Contents: contents, Mailboxes: wants, Pick: pick, KeepDeleted: c.WithDeleted,
		Labels: labelModes[c.LabelsAs], TimeLimit: c.TimeLimit,
		DryRun: c.DryRun,
		Rights: c.ACL, Annotations: c.Metadata,
		Whole:     len(c.Mailbox)+len(c.Exclude) == 0 && pick == nil && c.Prefix == "",
		Mirror:    mirror,
		ReportDir: cmp.Or(c.Keep, "mailstrata-kept-"+summary.ShortID(contents.Head)),
	}, err
}

// checkMailboxes returns an error for a mailbox that the manifest does not have.
func (c *Command) checkMailboxes(
	ctx context.Context, p *cli.Program, r *repo.Repo, contents *archive.Contents, w *query.Query,
) error {
	named.FoldIn(ctx, w.In, []*archive.Contents{contents})
	named.FoldIn(ctx, w.NotIn, []*archive.Contents{contents})
	names := job.Selection{Mailbox: slices.Concat(c.Mailbox, w.In), Exclude: c.Exclude}
	return named.CheckMailboxes(ctx, p.Output, &names, r, contents)
}

// firstRequests is how many requests for mail a restore makes at once, beside those for which it
// has connections already.
const firstRequests = 6

// restoreTo runs a restore with its progress, and closes the target.
func restoreTo(ctx context.Context, p *cli.Program, o restore.Options) (*restore.Report, error) {
	progress := p.Progress("restored")
	o.Progress = func(now restore.Progress) {
		progress.Update("", ui.Tally{
			Messages: now.DoneMessages, Bytes: now.DoneBytes, Total: now.Messages,
			Mailboxes: now.DoneMailboxes, AllMailboxes: now.Mailboxes,
		})
	}
	report, err := restore.Run(ctx, o)
	if o.Target != nil {
		err = errors.Join(err, o.Target.Close()) // only this makes the restored mail durable
	}
	progress.Done()
	return report, err
}

var labelModes = map[string]restore.LabelMode{
	"mailboxes": restore.LabelsAsMailboxes, "keywords": restore.LabelsAsKeywords, "none": restore.LabelsLeftOut,
}
