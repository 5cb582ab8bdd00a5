package restore

import (
	"context"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
)

// Target is a place that an archived account can be written to: a Maildir, an IMAP account, a folder of .eml files.
// Writing is additive: nothing that a target holds is changed or removed, and what it holds already is not added again.
// (A Mirrorer can remove, where it is asked to.)
type Target interface {
	// Prepare makes the mailboxes, with hierarchy, special use and subscription as far as the target has them, and tells
	// for each where its messages will go, in the target's words. Two mailboxes that would fall together are an error,
	// before anything is made. What could not be done as wished, and does not stop a restore, is told in notes.
	Prepare(ctx context.Context, mailboxes []mail.Mailbox) (places []Place, notes []string, err error)

	// Open opens a place for adding. Several places can be open at once; each is used by one goroutine at a time.
	Open(ctx context.Context, place Place) (Folder, error)

	// Parallel is the number of folders that are worth adding to at once. More can be open.
	Parallel() int

	Close() error
}

// Informed is implemented by targets that need to know more about the archive than what they are to hold. Brief is called before
// the target looks at or makes any mailbox.
type Informed interface {
	Inform(with ArchiveInfo)
}

// ArchiveInfo is what a target may need to know about the archive.
type ArchiveInfo struct {
	// Mailboxes are all mailboxes of the manifest, restored or not: a target that must change a mailbox's name does not
	// give it one of these names.
	Mailboxes []mail.Mailbox

	// Hasher makes a hash such as Wanted.Hash of a whole message.
	Hasher func() *chunk.Hasher
}

// Place is where a mailbox's messages go.
type Place struct {
	Mailbox string // the archived mailbox's decoded name
	Name    string // the target's own name for it: a mailbox name as raw bytes, a path
	Skip    bool   // the target can hold no messages there; notes say why
}

// Folder is one open place of a target.
type Folder interface {
	// Missing tells which of the wanted messages are not there yet, as indices into wanted, ascending. Copies count: of
	// n wanted messages with one hash, where m are there, n − m are missing.
	Missing(ctx context.Context, wanted []Wanted) ([]int, error)

	// Append adds messages in the order given. It tells the result of each; err is for what ends the folder or the whole
	// restore (a lost connection beyond retrying, a full disk, a quota), and then the results of those not told are
	// unknown to the caller but not lost: a second restore sorts them out.
	Append(ctx context.Context, messages []Wanted) ([]AppendResult, error)

	// BatchSize bounds a call of Append: messages and bytes.
	BatchSize() (messages int, bytes int64)

	Close() error
}

// SimilarFinder is implemented by folders whose target makes other bytes of some messages.
type SimilarFinder interface {
	// MissingSimilar is called with the missing messages after Missing was called for all messages. It returns those that are
	// still missing when messages with other bytes count too.
	MissingSimilar(ctx context.Context, wanted []Wanted) (missing []int, err error)
}

// Journaled is implemented by folders that keep a journal of what was added to them.
type Journaled interface {
	// EarlierResults is called after Missing, and after Resemble, about the same messages. It gives the results of those that an interrupted restore
	// added and altered, as far as no restore came to its end with them in its report.
	EarlierResults(ctx context.Context, wanted []Wanted) (map[int]AppendResult, error)
}

// Wanted is a message that is to be in a folder.
type Wanted struct {
	UID      mail.UID // in the archived mailbox
	Hash     chunk.ID // the keyed hash of the whole message
	Size     int64    // bytes, as archived
	Flags    mail.Flags
	Labels   []string // raw, for a target that has labels: see LabelKeeper
	Internal mail.Date
	Header   func(ctx context.Context) ([]byte, error) // the header part, at most 256 KiB of it; for comparing
	Body     archive.Body
}

// InMemory is implemented by a Body that may be in memory, so that a target that puts messages aside need not copy it.
type InMemory interface {
	// Bytes gives the whole message, read and verified; nil: it is not in memory. It must not be changed, and is good as
	// long as the call of Append lasts.
	Bytes() []byte
}

// AppendResult is what became of a message.
type AppendResult struct {
	Added     bool
	Changed   []string // what was changed or left out, in words ("keyword foo[bar] left out"); nil: nothing
	FlagsLost bool     // a flag such as \Seen is part of what was left out: Changed says which
	Altered   bool     // the target holds other bytes than were archived; the caller keeps these as .eml
	Refused   error    // why it was not added; the caller keeps it as .eml
}
