// Package source declares what a backup reads from: a Source is an account, and a View is one of
// its mailboxes, opened for reading. A Session reads a mailbox through views that may break.
package source

import (
	"context"
	"errors"
	"io"
	"iter"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
)

// Source is an account that can be read. Package imap implements it with a pool of connections.
//
// Its methods may be called from several goroutines. If an error wraps mail.ErrTemporary, the call
// may succeed later, after the time that the error suggests (retry.Suggested). Any other error is
// final.
type Source interface {
	// Server returns what the server says about itself. It connects and logs in if necessary.
	Server(ctx context.Context) (mail.Server, error)

	// Survey lists all mailboxes with their numbers, which are from before the call if Survey.Time
	// is, over a connection that has none selected: for a selected mailbox, Dovecot reports stale
	// numbers. Status is nil if the server did not give the numbers of a mailbox, even when asked
	// for that mailbox alone.
	Survey(ctx context.Context) (*mail.Survey, error)

	// Examine opens a mailbox read-only. It waits for a free connection; a mailbox can be open
	// several times. The error is mail.ErrNoMailbox if the mailbox does not exist (any more). first
	// may be nil.
	Examine(ctx context.Context, mailbox mail.Mailbox, first First) (View, error)

	// Parallel returns how many views can be open at once. The number falls if the server refuses
	// connections.
	Parallel() int

	Close() error
}

// First returns the range that Messages of the view will be called with first, so that a Source can
// request it together with the mailbox. The range is empty if that is not known. A Source calls
// First once a connection is free. If First returns an error, the mailbox is not opened, and the
// error is that of Examine.
type First func() (mail.UIDRange, error)

// View is a mailbox opened for reading, over a connection of its own. One goroutine uses it, one
// call at a time. After an error that wraps mail.ErrTemporary (a lost connection, a BYE, a stall)
// it can only be closed.
type View interface {
	// Status returns the numbers from EXAMINE. HighestModSeq is 0 if the server answered NOMODSEQ
	// or does not offer CONDSTORE.
	Status() mail.Status

	// PermanentFlags returns those from EXAMINE. Servers often give none for a read-only view.
	PermanentFlags() []string

	// Messages yields every message of the range once, in any order, without bodies. If the server
	// reports a message without flags, labels or date, also when it is asked again for this message
	// alone, the message says so (mail.Message.Lacks).
	Messages(ctx context.Context, uids mail.UIDRange) iter.Seq2[mail.Message, error]

	// Expect announces that Messages will be called with this range after the next call of Bodies.
	// The view can then request both together. It is no promise.
	Expect(uids mail.UIDRange)

	// Flags yields the UID and the flags (and Gmail's labels) of every message of the range:
	// everything that can change. Like Messages, it yields messages that lack something.
	Flags(ctx context.Context, uids mail.UIDRange) iter.Seq2[mail.Message, error]

	// Facts is Flags with what must not change: the size and the date of each message, if the
	// server gives them.
	Facts(ctx context.Context, uids mail.UIDRange) iter.Seq2[mail.Message, error]

	// Changes calls changed with the UID and the flags of each message of the range whose
	// mod-sequence is above since. It returns the UIDs that are gone. If known is false, the server
	// cannot report removals (no QRESYNC): use UIDs. ErrUnknownChanges means that every message may
	// have changed: use Facts.
	Changes(
		ctx context.Context, uids mail.UIDRange, since uint64, changed func(mail.Message) error,
	) (gone mail.UIDSet, known bool, err error)

	// UIDs returns which UIDs of the range exist now.
	UIDs(ctx context.Context, uids mail.UIDRange) (mail.UIDSet, error)

	// Bodies downloads messages and passes each to read, once, whole and in any order. read must
	// consume body to its end or return an error, which ends the call. If the connection breaks,
	// body returns an error that wraps mail.ErrTemporary. Messages that the server leaves out, or
	// answers with NIL, are not passed on, and are no error: the caller knows which are missing. A
	// refusal (NO) wraps mail.ErrRefused and is returned after all messages that did come.
	Bodies(ctx context.Context, messages []mail.Message, read func(uid mail.UID, body io.Reader) error) error

	// Ranges downloads ranges of messages, several at a time, and passes each to read, once and in
	// any order. data is valid only during the call, and can be shorter than requested. Ranges that
	// the server leaves out are not passed on, and are no error. Other errors are those of Bodies.
	Ranges(ctx context.Context, wanted []Range, read func(r Range, data []byte) error) error

	Close() error
}

// Range is Length bytes of a message's body, from Offset on. Two ranges of one message follow each
// other in a list and begin at different offsets.
type Range struct {
	UID            mail.UID
	Offset, Length int64
}

// ErrUnknownChanges means that a view does not know which messages changed.
var ErrUnknownChanges = errors.New("every message may have changed")

// PropertySource is an account whose server has access rights and annotations of mailboxes.
type PropertySource interface {
	// Properties returns the properties of the mailboxes, which are given by raw name, and of the
	// account. Those without any are left out. The notes say what is left out for another reason.
	// If the server gives no answer about one mailbox, although it may later, the call fails as a
	// whole.
	Properties(ctx context.Context, mailboxes []string) (list []mail.Properties, notes []string, err error)
}

// QuotaSource is a PropertySource whose server has quotas (RFC 9208).
type QuotaSource interface {
	// Quotas returns the quotas of the roots of mailboxes, which are given by raw name, each root
	// once.
	Quotas(ctx context.Context, mailboxes []string) ([]mail.Quota, error)
}

// Previous is what is archived of an account, for a Source that has no UIDs of its own.
type Previous interface {
	// Status returns the numbers of a mailbox, or nil if it is not archived.
	Status(raw string) *mail.Status

	// Mailboxes returns the archived mailboxes.
	Mailboxes() []mail.Mailbox

	// Known yields the archived messages of a mailbox.
	Known(ctx context.Context, raw string) iter.Seq2[Known, error]

	// Hasher returns a hasher for whole messages, with the sums that are in Known.
	Hasher() *chunk.Hasher
}

// Known is an archived message.
type Known struct {
	UID  mail.UID
	ID   string   // X-GUID, or else EMAILID
	Hash chunk.ID // of the whole message
}
