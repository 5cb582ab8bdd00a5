// Package source declares what a backup reads from: a Source is an account, and a View one mailbox of it, opened. A Session
// reads a mailbox through views that break.
package source

import (
	"context"
	"io"
	"iter"

	"github.com/mailstrata/mailstrata/mail"
)

// Source is an account that can be read. Package imap implements it over a pool of connections.
//
// Its methods may be called from several goroutines at once. An error that wraps ErrTemporary may be gone when the
// call is made again, after the time that the error suggests (retry.Suggested); any other is final.
type Source interface {
	// Server tells what the server says of itself. It connects and logs in where that is not done yet.
	Server(ctx context.Context) (mail.Server, error)

	// Survey takes a fresh view of every mailbox, on a connection with none selected: a selected mailbox reports stale
	// numbers (seen with Dovecot). A Mailbox whose numbers the server did not give, though asked singly too, has a nil
	// Status.
	Survey(ctx context.Context) (*mail.Survey, error)

	// Examine opens a mailbox anew, for reading alone. It waits for a free connection; the same mailbox can be open
	// several times. ErrNoMailbox: it is not there (any more).
	Examine(ctx context.Context, mailbox mail.Mailbox) (View, error)

	// Parallel is the number of views that can be open at once. It can fall: a server may refuse connections.
	Parallel() int

	Close() error
}

// View is a mailbox opened for reading, on a connection of its own. It is used by one goroutine, one call at a time.
// After an error that wraps ErrTemporary (a lost connection, a BYE, a stall) it is of no more use but to be closed.
type View interface {
	// Status is what EXAMINE told; HighestModSeq is 0 where the server said NOMODSEQ or did not offer CONDSTORE.
	Status() mail.Status

	// PermanentFlags as EXAMINE told them; servers often give none in a read-only view.
	PermanentFlags() []string

	// Messages yields every message of the range, without bodies, ascending or not, each once. Flags are always told;
	// a message that the server reports with a UID but without flags or date is yielded with what there is.
	Messages(ctx context.Context, uids mail.UIDRange) iter.Seq2[mail.Message, error]

	// Flags yields the UID and the flags (and Gmail's labels) of every message of the range: what can change.
	Flags(ctx context.Context, uids mail.UIDRange) iter.Seq2[mail.Message, error]

	// Facts is Flags with what must not change: the size and the date of each message, as far as the server gives them.
	Facts(ctx context.Context, uids mail.UIDRange) iter.Seq2[mail.Message, error]

	// Changes calls changed with the UID and the flags of messages in the range whose mod-sequence is above since, and
	// tells which UIDs are gone. known is false where the server cannot tell removals (no QRESYNC): ask UIDs then.
	Changes(ctx context.Context, uids mail.UIDRange, since uint64, changed func(mail.Message) error) (gone mail.UIDSet, known bool, err error)

	// UIDs tells which UIDs of the range are there now.
	UIDs(ctx context.Context, uids mail.UIDRange) (mail.UIDSet, error)

	// Bodies downloads the messages and hands each to read, once, whole and in any order. read must consume body to its
	// end or return an error, which ends the call. A body cut short by the connection gives read an error from body
	// that wraps ErrTemporary. Messages that the server leaves out, or answers with NIL, are not handed over and are no
	// error: the caller knows which are missing. A refusal (NO) wraps ErrRefused and is
	// returned after all that did come.
	Bodies(ctx context.Context, messages []mail.Message, read func(uid mail.UID, body io.Reader) error) error

	// Ranges downloads ranges of messages, several at a time, and hands each to read, once and in any order. data is
	// read's only while it is called, and can be shorter than was asked for. What the server leaves out is not handed over
	// and is no error; errors are those of Bodies.
	Ranges(ctx context.Context, wanted []Range, read func(r Range, data []byte) error) error

	Close() error
}

// Range is Length bytes of a message, from Offset on, as its body would have them. Two of one message stand together, and
// begin at different offsets.
type Range struct {
	UID            mail.UID
	Offset, Length int64
}
