package main

import (
	"github.com/alecthomas/kong"

	"github.com/mailstrata/mailstrata/internal/access"
)

// cli is the grammar of the command line. Every command has a file of its own.
type cli struct {
	Init    initCommand    `cmd:"" group:"archive" help:"Make a repository."`
	Backup  backupCommand  `cmd:"" group:"archive" help:"Archive accounts: one new manifest for each."`
	Auth    authCommand    `cmd:"" group:"archive" help:"Let an account in by OAuth: Gmail, Microsoft 365 and others."`
	List    listCommand    `cmd:"" group:"find" help:"List the manifests: which account, when, how many messages."`
	Show    showCommand    `cmd:"" group:"find" help:"Show all about one manifest: mailboxes, warnings, failures."`
	Ls      lsCommand      `cmd:"" group:"find" help:"List the mailboxes of a manifest, or the messages of a mailbox."`
	Find    findCommand    `cmd:"" group:"find" help:"Find messages by sender, subject, date, attachment …, in one manifest or in all."`
	Diff    diffCommand    `cmd:"" group:"find" help:"Tell what became of an account between two manifests: what was added, removed, moved."`
	Cat     catCommand     `cmd:"" group:"find" help:"Write one message to standard output, byte for byte."`
	Restore restoreCommand `cmd:"" group:"find" help:"Bring mail back: a folder or all of it, to a Maildir, to .eml files, or to an IMAP account."`
	Check   checkCommand   `cmd:"" group:"care" help:"Make sure that what is archived can be had."`
	Forget  forgetCommand  `cmd:"" group:"care" help:"Let go of old manifests: by rules, or by name."`
	Erase   eraseCommand   `cmd:"" group:"care" help:"Erase an account, or a message, from all nights."`
	Rename  renameCommand  `cmd:"" name:"rename-account" group:"care" help:"Give the history of an account another name."`
	Prune   pruneCommand   `cmd:"" group:"care" help:"Delete what no manifest needs any more."`
	Pin     pinCommand     `cmd:"" group:"care" help:"Keep a manifest, whatever the rules."`
	Unpin   unpinCommand   `cmd:"" group:"care" help:"Let rules decide about a pinned manifest again."`
	Tag     tagCommand     `cmd:"" group:"care" help:"Set, take back or tell the tags of a manifest, for forget --keep-tag."`
	Repair  repairCommand  `cmd:"" group:"care" help:"Mend the index, damaged packs, or a manifest that refers to what is lost."`
	Copy    copyCommand    `cmd:"" group:"care" help:"Copy manifests, and their mail, to another repository."`
	Key     keyCommand     `cmd:"" group:"care" help:"Add, list, remove and rotate the keys of a repository."`
	Lock    lockCommand    `cmd:"" group:"care" help:"Tell how the Object Lock of a repository stands, or make its period longer."`
	Doctor  doctorCommand  `cmd:"" group:"care" help:"Tell what would go wrong tonight: accounts, repository, keys, clock, room."`
	Stats   statsCommand   `cmd:"" group:"care" help:"Tell where the bytes of a repository go."`
	Demo    demoCommand    `cmd:"" group:"care" help:"Show the whole story on this host, with sample mail and no network."`
	Config  configCommand  `cmd:"" group:"care" help:"Check the configuration, or show what it comes to."`
	Version versionCommand `cmd:"" group:"care" help:"Tell the version."`

	Completion completionCommand `cmd:"" group:"care" help:"Write what makes bash, zsh or fish complete commands, manifests and mailboxes."`
	Man        manCommand        `cmd:"" group:"care" help:"Write the manual pages."`
	Complete   completeCommand   `cmd:"" name:"__complete" hidden:"" passthrough:"" help:"What the last word could become: shells ask."`

	globals
}

// globals are the flags of every command.
type globals struct {
	access.Flags

	JSON    bool   `group:"output" name:"json" help:"Write the result as JSON: one document, or for lists one a line."`
	Quiet   bool   `group:"output" short:"q" help:"Tell nothing but results, warnings and errors."`
	Color   string `group:"output" enum:"auto,always,never" default:"auto" help:"Colours: auto is on a terminal, unless NO_COLOR is set; always; never."`
	NoPager bool   `group:"output" help:"Do not show long lists through $$PAGER (or less). Only a terminal has it anyway."`
	Verbose bool   `group:"output" short:"v" help:"Tell more. For IMAP: the protocol, without secrets and mail."`
}

// groups are the headings of the help.
var groups = []kong.Group{
	{Key: "archive", Title: "Archive:"},
	{Key: "find", Title: "Find and restore:"},
	{Key: "care", Title: "Look after:"},
	{Key: "provider", Title: "Provider:"},
	{Key: "query", Title: "Which messages:"},
	{Key: "selection", Title: "What:"},
	{Key: "keep", Title: "What to keep:"},
	{Key: "weed", Title: "What of the target goes:"},
	{Key: "account", Title: "IMAP account:"},
	{Key: "checks", Title: "Checks of the server:"},
	{Key: "watch", Title: "Who is told how it went:"},
	{Key: "repository", Title: "Repository " + forAll},
	{Key: "output", Title: "Output " + forAll},
}

// description is the first thing that somebody in trouble reads.
const description = `Mailstrata archives mail over IMAP. Every backup lays one record of an account, a manifest, which nothing can change later; so the account can be listed, searched and restored as it stood on any night.

To archive an account now:

    mailstrata backup --imap imaps://anna@mail.example

A folder is gone, and last Friday, the 13th, it was there. Which nights are there; and the folder, with all that is below it, as it was then, back into the account:

    mailstrata list
    mailstrata restore 2026-03-13 --mailbox Projects --to imaps://anna@mail.example

Restoring only adds: nothing that the account holds is changed, and nothing is added twice. To look first, or to have it on this host:

    mailstrata ls 2026-03-13
    mailstrata ls 2026-03-13 Projects
    mailstrata restore 2026-03-13 --mailbox Projects --to maildir:/tmp/projects

All that is gone since then, wherever it was; and one message, in whichever night it was:

    mailstrata restore 2026-03-13 --missing-from latest --to imaps://anna@mail.example
    mailstrata find --all --from joao --subject bridge

On a host that has no configuration, say where the archive is, and what opens it:

    mailstrata list --repo s3:https://s3.example/mail --key-file mailstrata.key

A night is named by a date or a day like friday (the newest manifest of that day, or before it), by the beginning of an id, or by "latest" and "latest~2" (two before it). Where there are several accounts, ACCOUNT@ goes before: anna@mail.example@2026-03-13.

Exit status: 0 done; 1 failed; 2 the command line makes no sense; 3 done, but some messages could not be read or written; 4 done, but the account shrank or changed suspiciously; 130 interrupted.`

// exitStatus ends the help of a command.
const exitStatus = `EXIT STATUS

0 done; 1 failed; 2 the command line makes no sense; 130 interrupted.`

// manifestArgument explains an argument that several commands have.
const manifestHelp = `MANIFEST is the beginning of an id (of "mailstrata list"), "latest", "latest~2" (two before it), or a day like friday, yesterday or 2026-03-14, or a time like 2026-03-14T06:30, which means the newest manifest at or before it. Where the repository holds several accounts, ACCOUNT@MANIFEST.`
