package main

import (
	"github.com/alecthomas/kong"

	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/grammar"
	"github.com/mailstrata/mailstrata/internal/command/accounts"
	"github.com/mailstrata/mailstrata/internal/command/backup"
	"github.com/mailstrata/mailstrata/internal/command/browse"
	"github.com/mailstrata/mailstrata/internal/command/completion"
	"github.com/mailstrata/mailstrata/internal/command/demo"
	"github.com/mailstrata/mailstrata/internal/command/find"
	"github.com/mailstrata/mailstrata/internal/command/index"
	"github.com/mailstrata/mailstrata/internal/command/items"
	"github.com/mailstrata/mailstrata/internal/command/keys"
	"github.com/mailstrata/mailstrata/internal/command/look"
	"github.com/mailstrata/mailstrata/internal/command/maintain"
	"github.com/mailstrata/mailstrata/internal/command/night"
	"github.com/mailstrata/mailstrata/internal/command/restore"
	"github.com/mailstrata/mailstrata/internal/command/retain"
	"github.com/mailstrata/mailstrata/internal/command/serve"
	"github.com/mailstrata/mailstrata/internal/command/setup"
)

// commandLine is the grammar of the command line. Each command has its own file.
type commandLine struct {
	Setup       setup.Command    `cmd:"" group:"archive" help:"Set up the backup of a mail account, by questions."`
	Init        keys.Init        `cmd:"" group:"archive" help:"Create a repository."`
	Backup      backup.Command   `cmd:"" group:"archive" help:"Back up accounts: write one manifest for each."`
	Run         night.Command    `cmd:"" group:"archive" help:"Back up, copy, check, forget and prune, as the configuration says."`
	Auth        accounts.Auth    `cmd:"" group:"archive" help:"Authorize an account by OAuth, or keep a secret in the keyring."`
	Account     setup.Account    `cmd:"" group:"archive" help:"Add, list, remove and rename accounts of the configuration."`
	Status      look.Status      `cmd:"" group:"find" help:"Show which accounts need a look."`
	List        look.List        `cmd:"" group:"find" help:"List manifests: account, time, number of messages."`
	Show        look.Show        `cmd:"" group:"find" help:"Show one manifest, or one message to be read."`
	Browse      browse.Command   `cmd:"" group:"find" help:"Look around in the terminal, read, and restore what you mark."`
	Ls          look.Ls          `cmd:"" group:"find" help:"List the mailboxes of a manifest, or the messages of a mailbox."`
	Find        find.Command     `cmd:"" group:"find" help:"Find messages by words, sender, subject, date, attachment …"`
	Index       index.Command    `cmd:"" group:"find" help:"Build, show and drop the index of words on this host."`
	Attachments find.Attachments `cmd:"" group:"find" help:"List the attachments of messages, or save them."`
	Items       items.Command    `cmd:"" group:"find" help:"List scripts, calendars and address books, or restore them."`
	Diff        look.Diff        `cmd:"" group:"find" help:"Compare two manifests of an account."`
	Cat         look.Cat         `cmd:"" group:"find" help:"Print one message, byte for byte."`
	Restore     restore.Command  `cmd:"" group:"find" help:"Restore mail to an account, or to files: Maildir, mbox, .eml, ZIP."`
	Serve       serve.Command    `cmd:"" group:"find" help:"Serve every backup to browsers and mail programs, to read only."`
	Check       maintain.Check   `cmd:"" group:"maintain" help:"Verify the repository."`
	Forget      retain.Forget    `cmd:"" group:"maintain" help:"Mark old manifests for deletion, by a policy or by name."`
	Erase       retain.Erase     `cmd:"" group:"maintain" help:"Erase an account or a message from all manifests."`
	Rename      retain.Rename    `cmd:"" name:"rename-account" group:"maintain" help:"Rename an account and its history."`
	Prune       retain.Prune     `cmd:"" group:"maintain" help:"Delete data that no manifest needs."`
	Pin         retain.Pin       `cmd:"" group:"maintain" help:"Keep a manifest, even if no rule keeps it."`
	Unpin       retain.Unpin     `cmd:"" group:"maintain" help:"Let the policy apply to a pinned manifest again."`
	Tag         retain.Tag       `cmd:"" group:"maintain" help:"Add, remove or show the tags of a manifest."`
	Repair      maintain.Repair  `cmd:"" group:"maintain" help:"Repair the index, packs or a manifest, or bring hidden objects back."`
	Copy        maintain.Copy    `cmd:"" group:"maintain" help:"Copy manifests and their mail to another repository."`
	Key         keys.Key         `cmd:"" group:"maintain" help:"Add, export, list, remove and rotate keys."`
	Lock        keys.Lock        `cmd:"" group:"maintain" help:"Show the Object Lock of a repository, or extend its period."`
	Doctor      maintain.Doctor  `cmd:"" group:"maintain" help:"Check accounts, repository, keys, clock and disk space."`
	Stats       look.Stats       `cmd:"" group:"maintain" help:"Show what takes space in a repository."`
	Demo        demo.Command     `cmd:"" group:"maintain" help:"Show a backup and a restore offline, with sample mail."`
	Config      accounts.Config  `cmd:"" group:"maintain" help:"Check or show the configuration."`
	Version     versionCommand   `cmd:"" group:"maintain" help:"Print the version."`

	Completion completion.Command  `cmd:"" group:"maintain" help:"Print a completion script for bash, zsh or fish."`
	Man        manCommand          `cmd:"" group:"maintain" help:"Write the manual pages."`
	Global     grammar.Global      `cmd:"" name:"__global" hidden:"" help:"The flags of all commands."`
	Complete   completion.Complete `cmd:"" name:"__complete" hidden:"" passthrough:"" help:"Print completions of the last word, for shells."`

	cli.Globals
}

// groups are the headings of the help.
var groups = []kong.Group{
	{Key: "archive", Title: "Back up:"},
	{Key: "find", Title: "Find and restore:"},
	{Key: "maintain", Title: "Maintain:"},
	{Key: "provider", Title: "OAuth provider:"},
	{Key: "query", Title: "Which messages:"},
	{Key: "target", Title: "Target:"},
	{Key: "selection", Title: "Mailboxes:"},
	{Key: "keep", Title: "What to keep:"},
	{Key: "prune", Title: "With --prune:"},
	{Key: "account", Title: "IMAP account:"},
	{Key: "checks", Title: "Checks of the server:"},
	{Key: "watch", Title: "Monitoring:"},
	{Key: "repository", Title: "Repository " + grammar.ForAll},
	{Key: "output", Title: "Output " + grammar.ForAll},
}

// description is the help of the program. It shows first what a user needs who has lost mail.
const description = `mailstrata archives mail: accounts over IMAP or JMAP, or mail in files. Every backup writes a record of the account, a manifest. Nothing that happens later changes it, so you can list, search and restore the account as it was on any night.

To set up a backup every night, by some questions, or to back up an account once:

    mailstrata setup
    mailstrata backup --imap imaps://anna@mail.example

A folder is gone, and last Friday, the 13th, it was there. List the nights, then restore the folder into the account as it was on that day:

    mailstrata list
    mailstrata restore 2026-03-13 --mailbox Projects --to anna@mail.example

A restore only adds messages: it changes nothing in the account, and adds nothing twice. To look first, or to restore to this host:

    mailstrata ls 2026-03-13 Projects
    mailstrata restore 2026-03-13 --mailbox Projects --to maildir:/tmp/projects

To restore all that was deleted since then, and to find one message in any night:

    mailstrata restore --deleted-since 2026-03-13 --to anna@mail.example
    mailstrata find --all --from joao --subject bridge

On a host without a configuration, name the repository and its key:

    mailstrata list --repo s3:https://s3.example/mail --key-file mailstrata.key

A manifest is named by a date or a day like friday (the newest one of that day or before), by the beginning of its id, or by "latest" and "latest~2" (two before it). If there are several accounts, put ACCOUNT@ before it: anna@mail.example@2026-03-13.

Exit status: 0 done; 1 failed; 2 invalid command line; 3 done, but some messages could not be read or written; 4 done, but an account shrank or changed suspiciously; 130 interrupted.`
