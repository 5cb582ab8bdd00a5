// Package manifest holds what a run recorded of an account: types, their one encoding, and the pages in which a
// mailbox's messages are kept.
//
//	Manifest                       one run of one account
//	  └ Mailbox …                  inline while small, else in tables, which are chunks
//	      └ Page …                 inline up to 16, else in page lists, which are chunks
//	          ├ record page        a chunk: what of up to 256 messages never changes
//	          │   └ part list      a chunk, where a message has more than eight
//	          └ flag page          a chunk: what of them does change
//
// A page covers an aligned range of UIDs, and which ranges is decided by the records alone (see [Paginator]): a mailbox
// that is the same is written the same, by whichever road it was reached, and one changed flag in a mailbox of a million
// messages rewrites one flag page.
//
// The bytes are those of docs/format.md, "Manifests": CBOR in its core deterministic encoding (RFC 8949 section 4.2.1).
// Each Encode makes the one encoding there is; each Parse refuses all others, and what exceeds a limit of the format.
// Both refuse accounts that do not balance: a mailbox called complete whose records are not its MESSAGES, totals that
// are not the sum of the mailboxes.
//
// The package does no I/O. Chunks are read through a function load and kept through a function put, both the caller's.
package manifest

import (
	"cmp"
	"time"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
)

// Manifest is the record of one run of one account. Times are the store's, to the millisecond.
type Manifest struct {
	Account  string    // the name its owner gave it
	Source   string    // a URL without secrets
	Program  string    // name and version of the writer
	Start    time.Time // of the run
	End      time.Time
	Deadline time.Time // a manifest whose object is younger is late: it is not committed
	Time     time.Time // its place in the history of the account: its name has it too. Zero: an older program wrote it
	Parent   [32]byte  // the hash of the manifest this one was made after; zero: none
	Origin   [32]byte  // the hash of the manifest that this one is a copy or a repair of; zero: it is neither

	State      State
	Consistent bool // proven to be the state of the account at one instant
	Totals     Totals
	Downloaded int64 // bytes that came from the server since the run's manifest before this one

	Warnings []string  // see AddWarning
	Failures []Failure // see AddFailure
	Alarm    []string  // what shrank or changed suspiciously

	Server   mail.Server
	Dangling []string // raw names subscribed to that name no mailbox

	// The mailboxes ascend by raw name. They are here while they are few, else in chunks; SetMailboxes
	// decides, AllMailboxes reads both.
	Mailboxes []Mailbox
	Tables    []chunk.ID

	Extensions Extensions
}

// State tells whether a run came to its end.
type State uint8

// The values are part of the durable format.
const (
	Checkpoint State = 0 // the run goes on; mailboxes not read yet stand as in the parent
	Complete   State = 1
)

func (s State) String() string {
	if s == Complete {
		return "complete"
	}
	return "checkpoint"
}

// Totals are a manifest's accounts. Mailboxes, Messages and Bytes are the sums over the mailboxes.
type Totals struct {
	Mailboxes     int64
	Messages      int64
	Bytes         int64 // of the messages, as the server gave them
	Failures      int64 // also those that Failures has no room for
	NewMessages   int64 // downloaded in this run
	NewBytes      int64
	TakenMessages int64 // by id in this run, and not downloaded
	TakenBytes    int64
	Erased        int64 // messages that are left out because they were erased: the sum over the mailboxes
}

// Accounted returns the number of messages that the manifest has or that were erased from it. None of these is missing.
func (t Totals) Accounted() int64 { return t.Messages + t.Erased }

// Failure is a message, or a mailbox, that could not be read.
type Failure struct {
	Mailbox string   // raw name; empty: the account as a whole
	UID     mail.UID // 0: the mailbox as a whole
	Reason  string
}

// Extensions are optional fields of a later writer of the same version: a CBOR map as it was written, carried along
// verbatim. Nil where there are none.
type Extensions []byte

// Mailbox is a mailbox as a run found it. Its Status are the numbers as they were before its pages were read.
type Mailbox struct {
	mail.Mailbox
	Kind           Kind
	Observed       time.Time // when Status was, by the store's clock
	Trusted        bool      // HighestModSeq can be relied on
	Complete       bool      // with Erased, the pages hold Status.Messages records with current flags, and there is no failure
	Inherited      bool      // the server would not tell of this mailbox; it stands as in the parent
	Unproven       bool      // its messages were read at another server, and not compared with the manifest's source since
	PermanentFlags []string
	FlagsRead      time.Time // when all flags were last read in full

	Messages int64 // in the pages
	Bytes    int64 // of these

	// Erased are messages that the server has and the pages do not: their owner erased them from the repository.
	Erased mail.UIDSet

	// The page rows ascend. They are here while they are few, else in chunks; SetPages decides, AllPages reads
	// both.
	Pages []Page
	Lists []chunk.ID

	Extensions Extensions
}

// Kind is what is collected. Mailboxes are the first kind of collection; others will come.
type Kind uint8

// KindMailbox is the one kind of version 1.
const KindMailbox Kind = 0

// Page is one row of a mailbox's page table: where the records of the UIDs from Start to Start + 2^Bits − 1 are.
type Page struct {
	Start    uint32 // a multiple of 2^Bits
	Bits     uint8
	Messages uint32   // 1 to 256
	Records  chunk.ID // of the record page
	Flags    chunk.ID // of the flag page
}

// Record is what of a message never changes.
type Record struct {
	UID      mail.UID
	Size     int64    // bytes, as the server gave the message
	Hash     chunk.ID // of the whole message, under the message key
	Internal mail.Date
	Saved    mail.Date // SAVEDATE; zero where unknown
	Hint     int64     // RFC822.SIZE, where it is not Size; else 0
	IDs      mail.IDs
	ByID     bool // not downloaded, but taken from an archived message with the same id

	// Probe is the prefix of the hash of two stretches of the message; see ProbeOffsets. Zero: there is none.
	Probe chunk.Prefix

	// Opening is the prefix of the hash of what follows the header: the first OpeningBytes of the second part, if that is a
	// Text. Zero if there is no opening. Only beside Probe.
	Opening chunk.Prefix

	// The parts that, joined, are the message; none for an empty message. Where they have more than eight chunks between
	// them (see NeedsList), List names a chunk that holds them, and Parts is nil. PartList reads both.
	Parts []Part
	List  chunk.ID

	Extensions Extensions
}

// ServerSize returns the size that the server gave for the message (RFC822.SIZE).
func (r *Record) ServerSize() int64 { return cmp.Or(r.Hint, r.Size) }

// Part is a stretch of a message and the chunks that hold it.
type Part struct {
	Kind   mail.PartKind
	Recipe mail.Recipe // of a Base64 part
	Chunks []chunk.ID  // at least one
}

// FlagSet is what of a message does change.
type FlagSet struct {
	Flags  mail.Flags
	Labels []string // Gmail's, raw and sorted; nil elsewhere
}

// Entry is all that is recorded of a message.
type Entry struct {
	Record
	FlagSet
}
