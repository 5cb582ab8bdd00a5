// Package archive is accounts as they lie in a repository. Contents is one as a manifest has it: its mailboxes, their
// messages, and the bytes of these. A Filer puts a message in: into parts (package mail), into chunks (package chunk), into
// packs (package repo). Manifests can be listed, searched (Find) and compared (Diff), checked (Check), copied to another
// repository (Copy), forgotten and pruned.
//
// Package backup fills it from a server, and package restore brings it back to one.
package archive

import "errors"

var (
	// ErrTemporary: a lost connection, a stall, BYE, [UNAVAILABLE], [INUSE], [LIMIT], [SERVERBUG].
	ErrTemporary = errors.New("temporary")

	// ErrNoMailbox: no mailbox has that name.
	ErrNoMailbox = errors.New("no such mailbox")

	// ErrRefused: the server said NO or BAD to one command, and will say so again.
	ErrRefused = errors.New("the server refused")

	// ErrFlood: the server sends more than any answer can need. It will do so again.
	ErrFlood = errors.New("more than any answer can need")
)
