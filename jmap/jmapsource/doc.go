// Package jmapsource reads an account over JMAP, as a source.Source.
//
// JMAP has messages that are in one or more mailboxes, and no UIDs. So the account is read as one
// of Gmail is: the mailbox All Mail has each message once, with its mailboxes as labels, and what
// is in Trash and in Junk is in mailboxes of that name. If the user selects mailboxes, or asks for
// it, each one is read as a mailbox of its own instead.
//
//	tree.go      the mailboxes, and their names in the archive
//	source.go    surveys, and opening mailboxes
//	snapshot.go  the messages at one moment: all that are listed, or the archived ones and what changed since
//	list.go      listing all messages
//	changes.go   what changed since a state
//	view.go      an open mailbox, as the backup reads it
//	bodies.go    the texts of messages
//
// The archive is the memory: it has the id of each message and the state of the account
// (mail.Status.State), so a run asks for what changed since and nothing is kept on the host. A
// state that the server has forgotten costs a listing, and no download.
package jmapsource
