package mail

import "errors"

var (
	// ErrTemporary means that a later attempt may succeed: the connection was lost or stalled, or
	// the server answered BYE, [UNAVAILABLE], [INUSE], [LIMIT] or [SERVERBUG] (RFC 9051 section
	// 7.1).
	ErrTemporary = errors.New("temporary")

	// ErrNoMailbox means that no mailbox has that name.
	ErrNoMailbox = errors.New("no such mailbox")

	// ErrRefused means that the server answered NO or BAD to one command, and would do so again.
	ErrRefused = errors.New("the server refused")

	// ErrFlood means that the server sent more than any response needs, and would do so again.
	ErrFlood = errors.New("more than any answer can need")
)
