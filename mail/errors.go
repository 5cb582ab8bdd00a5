package mail

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
