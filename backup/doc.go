// Package backup reads accounts into a repository and writes a manifest of each: Run. A run costs
// what has changed since the last one.
//
// One message passes through it like this:
//
//	source.Source (imap)
//	   ↓ Survey             the mailboxes and their numbers (survey.go)
//	scheduler               compares them with the parent manifest; mailboxes without a change stay
//	   │                    as they are, and the others are read, in rounds, until a survey
//	   ↓                    agrees with what was read (scheduler.go, unchanged.go)
//	mailboxRun              one mailbox in one round (mailbox.go)
//	   ↓ examine            is it the archived one, and what changed? (preview.go, backup/identity, backup/compare)
//	   ↓ update             applies the change to its pages (update.go)
//	   │  ├ backup/moves    messages that are archived already
//	   │  ├ backup/fetch    downloads the others; package archive/ingest splits and stores them
//	   │  └ Mailbox.Fill    of package manifest: writes the entries of both to pages
//	   ↓ set
//	recorder                the mailboxes, failures, warnings and alarms so far (recorder.go)
//	   ↓ addTo
//	manifest                accountRun.manifest makes it, and accountRun.commit gives it to repo.Writer.Commit,
//	                        which puts it once everything in it is durable (commit.go)
//
// Until fetch, the attributes of a message (mail.Message: UID, flags, dates) and its body
// (ingest.Stored, once it is stored) travel apart; fetch.Entry joins them to the entry of the
// manifest. The workers of a Fetcher push entries into a channel, and Fill pulls them from there in
// the order of their UIDs while it writes pages.
//
// The accountRun ties these together (run.go). It continues from a parent (parent.go), and reads
// and writes pages and tables by its catalog (catalog.go). Mailboxes are read in parallel, and
// messages that move between them meanwhile are kept track of (vanished.go). A sample of archived
// messages is compared with the server (verify.go). At the end the manifest is compared with the
// last complete one: losses become alarms (losses.go). What an account has beside mail is read in
// items.go (scripts, calendars, address books) and properties.go (access rights, annotations). If
// the mail cannot be read, a manifest of the rest is committed (without.go). budget.go limits what
// a day downloads, previous.go gives sources without UIDs what is archived, and progress.go counts.
//
// A checkpoint is a manifest of an unfinished run (checkpoint.go). It cuts in between two windows
// of messages:
//
//	mailboxRun A   ──download──┐ due ┌ wait ┐        ┌──download── the rest
//	mailboxRun B   ────download──────┘      │        ├──download── the rest
//	                                        └ commit ┘
//
// When one is due, every fetch.Fetcher stops after the windows under way, its mailboxRun records
// the messages that it has as an incomplete mailbox, and the first mailboxRun that sees all
// downloads stopped writes the recorder's state as a manifest. If the run is killed, the next one
// takes that manifest for its parent, and what came after it from the recovery log (recovery.go).
package backup
