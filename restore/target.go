package restore

import (
	"context"
	"errors"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
)

// A target implements Target, and its folders implement Folder. The other interfaces are optional:
// Unordered, Bounded, Informed, LabelKeeper, Committer, Previewer, PropertyTarget and Mirrorer for
// a target, SimilarFinder, Journaled and Settler for a folder.

// Target is something that an archived account can be written to: a Maildir, an IMAP account, a
// directory of .eml files. Restoring only adds: it changes and removes nothing in the target, and
// does not add messages that the target has already. (A Mirrorer also removes, on request.)
type Target interface {
	// Prepare makes the mailboxes, with hierarchy, special use and subscription as far as the
	// target supports them. It returns a Place for each, in the order of mailboxes. If two
	// mailboxes would share a place, it returns an error and makes nothing. notes say what is
	// different in the target and does not stop the restore.
	Prepare(ctx context.Context, mailboxes []mail.Mailbox) (places []Place, notes []string, err error)

	// Open opens a place for adding messages. Several places can be open at once. One goroutine at
	// a time uses each.
	Open(ctx context.Context, place Place) (Folder, error)

	// Parallel returns the number of folders to add to at once. More can be open.
	Parallel() int

	Close() error
}

// Unordered is implemented by targets that may accept the messages of a mailbox in any order. Other
// targets get them in ascending order of their archived UIDs, because servers assign UIDs in the
// order of arrival.
type Unordered interface{ Unordered() bool }

// Bounded is implemented by targets of which only some folders can be open at once, because a
// process may have few files open.
type Bounded interface{ MaxFolders() int }

// Informed is implemented by targets that use ArchiveInfo. Inform is called before Prepare and
// Preview.
type Informed interface {
	Inform(about ArchiveInfo)
}

// ArchiveInfo is what a target may need to know about the archive.
type ArchiveInfo struct {
	// Mailboxes are all mailboxes of the manifest, restored or not. A target that must change the
	// name of a mailbox avoids these names.
	Mailboxes []mail.Mailbox

	// Hasher returns a hasher for whole messages. Its sums are comparable with Message.Hash.
	Hasher func() *chunk.Hasher
}

// LabelKeeper is implemented by targets that may have labels themselves. If KeepsLabels returns
// true and the mode is LabelsAsMailboxes, each message is added once, with its labels in Message.
type LabelKeeper interface {
	KeepsLabels(ctx context.Context) (bool, error)
}

// Committer is implemented by targets that are files as a whole. Commit is called when everything
// was added, before Close. A target that is closed without Commit leaves nothing that looks like a
// complete file.
type Committer interface{ Commit() error }

// Place is where the messages of a mailbox go.
type Place struct {
	Mailbox string // the decoded name of the archived mailbox
	Name    string // its name in the target: the raw name of a mailbox, or a path
	Skip    bool   // the target cannot hold messages there; notes say why
	Reason  error  // why Skip is set, if the target refused to make the mailbox
}

// Folder is an open place of a target.
type Folder interface {
	// Missing returns the wanted messages that the folder does not have yet, as ascending indices
	// into wanted. Copies count: if the folder has m of n wanted messages with the same hash, n − m
	// are missing. ErrFolderLost is as for Append, also in the methods of the optional interfaces.
	Missing(ctx context.Context, wanted []Message) ([]int, error)

	// Append adds messages in the given order and returns the result of each. An error ends the
	// restore (a connection that stays lost, a full disk, a quota). Then the results of the
	// remaining messages are not known; another restore finds out which of them are there.
	// ErrFolderLost ends the restore of this folder alone.
	Append(ctx context.Context, messages []Message) ([]AppendResult, error)

	// BatchSize returns the most messages and bytes of one call of Append; 0: no limit.
	BatchSize() (messages int, bytes int64)

	// Close ends the adding. Only then are all messages there that Append added: maildir and eml
	// make many files durable together, and give them their names as late as here.
	Close() error
}

// ErrFolderLost is wrapped by the errors of a Folder that somebody deleted, renamed or replaced
// while it was open.
var ErrFolderLost = errors.New("deleted, renamed or replaced by others while it was restored")

// Settler is implemented by folders that compare what they added with what they have, for many
// messages at once: each comparison costs a round trip to the server.
type Settler interface {
	// Settle compares the messages whose results of Append were Pending. It returns the results of
	// all of them, in the order of Append, also beside an error: then some are as they were added,
	// and another restore compares these. Without Settle, another restore compares all.
	Settle(ctx context.Context) ([]AppendResult, error)
}

// SimilarFinder is implemented by folders whose target stores some messages with other bytes.
type SimilarFinder interface {
	// MissingSimilar is called after Missing was called for all messages, with those that are
	// missing. It returns the ones of which the folder has no similar message either, as ascending
	// indices into wanted. A similar message has other bytes and reads the same.
	MissingSimilar(ctx context.Context, wanted []Message) (missing []int, err error)
}

// Journaled is implemented by folders that keep a journal of the messages they add.
type Journaled interface {
	// EarlierResults is called after Missing and after MissingSimilar, with the same messages. It
	// returns the results, by index, of those that an interrupted restore added with changes and
	// that no report has yet.
	EarlierResults(ctx context.Context, wanted []Message) (map[int]AppendResult, error)
}

// Previewer is implemented by targets that can be read without being changed. With them, a dry run
// counts the messages that are missing; otherwise it counts the selected ones.
type Previewer interface {
	// Preview returns the places that Prepare would return, and makes nothing. The Name of a place
	// that does not exist yet is empty.
	Preview(ctx context.Context, mailboxes []mail.Mailbox) ([]Place, error)

	// OpenRead opens an existing place for reading.
	OpenRead(ctx context.Context, place Place) (ReadFolder, error)
}

// ReadFolder is a place that is open for reading.
type ReadFolder interface {
	Missing(ctx context.Context, wanted []Message) ([]int, error) // as of Folder
	Close() error
}

// Mirrorer is implemented by targets that can also remove, so that they have exactly what is
// archived.
//
// A restore compares each place with the archive twice: before it adds anything, and after it has
// added everything. It removes what was surplus both times, so mail that arrives meanwhile stays.
type Mirrorer interface {
	Previewer

	// Extra returns the mailboxes of the target that are none of the places, children before their
	// parents, without INBOX. Its error wraps errors.ErrUnsupported if nothing can be removed
	// safely.
	Extra(ctx context.Context, places []Place) ([]Place, error)

	// OpenMirror lists what a place has now. It changes nothing.
	OpenMirror(ctx context.Context, place Place) (Mirror, error)

	// RemoveEmpty removes a mailbox that Extra returned, if it is empty.
	RemoveEmpty(ctx context.Context, place Place) (removed bool, err error)
}

// Mirror is the messages that a place had when it was opened. Those that are not required are
// surplus.
type Mirror interface {
	// Require marks messages that should be there. All copies of a message are in the same call. It
	// returns how many of them are missing.
	Require(ctx context.Context, wanted []Message) (missing int, err error)

	// Surplus returns how many messages are not required, and how many required ones have other
	// flags than they should.
	Surplus() (surplus, reflagged int64)

	// Apply removes the messages that are surplus in this and in an earlier Mirror of the place,
	// and sets flags.
	Apply(ctx context.Context, earlier Mirror) (MirrorResult, error)

	Close() error
}

// MirrorResult counts messages: those that Apply removed, those that it could not remove, and those
// whose flags it set.
type MirrorResult struct{ Removed, Left, Reflagged int64 }

// Message is a message that a folder should have.
type Message struct {
	UID      mail.UID // in the archived mailbox
	Hash     chunk.ID // the keyed hash of the whole message
	Size     int64    // bytes, as archived
	Flags    mail.Flags
	Labels   []string // raw, for a LabelKeeper
	Internal mail.Date
	Form     mail.Form                                 // how it was in a file, if it is from one
	Header   func(ctx context.Context) ([]byte, error) // the header, at most 256 KiB of it, for comparing
	Body     archive.Body
}

// InMemory is implemented by a Body that may be in memory, so that a target need not copy it.
type InMemory interface {
	// Bytes returns the whole, verified message, or nil if it is not in memory. The bytes must not
	// be changed, and are valid during the call of Append.
	Bytes() []byte
}

// AppendResult is the result of adding one message. If Added is false and Refused is nil, the
// folder had the message already.
type AppendResult struct {
	Added     bool
	Pending   bool     // it is added, and Settle returns its result; only of a Settler
	Changed   []string // what was changed or left out, such as "keyword foo[bar] left out"; nil: nothing
	FlagsLost bool     // a system flag such as \Seen was left out; Changed says which
	Altered   bool     // the target has other bytes than the archive; the restore keeps the message as .eml
	Refused   error    // why the message was not added; the restore keeps it as .eml
}
