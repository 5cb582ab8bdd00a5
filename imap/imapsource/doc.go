// Package imapsource reads mail accounts over IMAP for backups. It implements source.Source with
// the commands of package imapclient.
//
//	Connect ─► Server, Survey       the mailboxes and their numbers, in one round trip
//	Examine ─► View                 a mailbox that is open, on a connection of its own
//	           Messages, Changes    what is new or has changed
//	           Bodies ────────────► the fetch.Downloader of a backup
//
// source.go has the account, over the connections of a pool, and the view, which is an
// imapclient.Mailbox. gmail.go is for Gmail, whose mailboxes are labels.
//
// A Source changes nothing in the account: it opens mailboxes by EXAMINE, and fetches bodies by
// BODY.PEEK.
package imapsource
