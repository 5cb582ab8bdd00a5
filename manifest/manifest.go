package manifest

import (
	"cmp"
	"time"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
)

// Load returns the bytes of a chunk.
type Load func(chunk.ID) ([]byte, error)

// Put stores bytes as a chunk and returns its ID.
type Put func([]byte) (chunk.ID, error)

// encoded stores the result of an Encode function.
func (put Put) encoded(b []byte, err error) (chunk.ID, error) {
	if err != nil {
		return chunk.ID{}, err
	}
	return put(b)
}

// Manifest is the record of one run of one account. Times are by the clock of the store, to the
// millisecond.
type Manifest struct {
	Account  string    // the name that the owner gave the account
	Source   string    // a URL without secrets
	Program  string    // name and version of the writer
	Start    time.Time // of the run
	End      time.Time
	Deadline time.Time // a manifest whose object is younger is late and therefore not committed
	Time     time.Time // its position in the history of the account, also in its name; zero: written by an older version
	Parent   [32]byte  // the hash of the manifest on which this one is based; zero: none
	Origin   [32]byte  // the hash of the manifest of which this one is a copy or a repair; zero: it is neither

	State      State
	Consistent bool // proven to be the state of the account at one instant
	Totals     Totals
	Downloaded int64 // bytes received from the server since the previous manifest of the same run

	Warnings []string  // see AddWarning
	Failures []Failure // see AddFailure
	Alarm    []string  // what shrank or changed suspiciously

	// Server is what the server said about itself. If ServerPart is not zero, it names the chunk
	// with all of it except the Quota, and Server has only that. SetServerPart sets it, AllServer
	// reads it.
	Server     mail.Server
	ServerPart chunk.ID

	Dangling []string // raw names of subscriptions without a mailbox

	// Mailboxes or Tables has the mailboxes, ascending by raw name: Mailboxes while they are few,
	// else Tables names the chunks. SetMailboxes sets them, AllMailboxes reads them.
	Mailboxes []Mailbox
	Tables    []chunk.ID

	// ItemSources names the chunks of the sources beside the mail: scripts, calendars, address
	// books. SetItemSources sets both, AllItemSources reads them.
	ItemSources []chunk.ID
	ItemTotals  ItemTotals

	// Sources says how the run found each source of an account that has more than mail, ascending
	// by kind. Manifests before December 2026 do not have it.
	Sources []Source

	// Properties names the chunks with the access rights and annotations of the mailboxes.
	// PropertiesAsked is when a run last asked the server for them; zero: none did. SetProperties
	// sets both, AllProperties reads them.
	Properties      []chunk.ID
	PropertiesAsked time.Time

	Extensions Extensions
}

// State is whether a run was complete when it wrote the manifest.
type State uint8

// The values are part of the durable format.
const (
	Checkpoint State = 0 // the run continues; mailboxes not read yet are as in the parent
	Complete   State = 1
)

func (s State) String() string {
	if s == Complete {
		return "complete"
	}
	return "checkpoint"
}

// Totals are the figures of a manifest. Mailboxes, Messages, Bytes and Erased are sums over the
// mailboxes.
type Totals struct {
	Mailboxes     int64
	Messages      int64
	Bytes         int64 // of the messages, as the server sent them
	Failures      int64 // including those that Manifest.Failures has no room for
	NewMessages   int64 // downloaded in this run
	NewBytes      int64
	TakenMessages int64 // not downloaded in this run, because the archive has a message with the same id
	TakenBytes    int64
	Erased        int64 // messages left out because their owner erased them
}

// Accounted returns the number of messages that the manifest has or that were erased from it. None
// of these is missing.
func (t Totals) Accounted() int64 { return t.Messages + t.Erased }

// Failure is a message or a mailbox that could not be read. The order of the fields is part of the
// durable format.
type Failure struct {
	_       struct{} `cbor:",toarray"`
	Mailbox string   // raw name; empty: the account as a whole
	UID     mail.UID // 0: the mailbox as a whole
	Reason  string
}

// Extensions are optional fields that a later writer of the same format version added: a CBOR map,
// preserved byte for byte. Nil: there are none.
type Extensions []byte

// Mailbox is a mailbox as a run found it. Its Status is from before its pages were read.
type Mailbox struct {
	mail.Mailbox
	Kind           Kind
	Observed       time.Time // when Status was read, by the clock of the store
	Trusted        bool      // HighestModSeq is reliable
	Complete       bool      // pages and Erased account for Status.Messages messages, flags are current, nothing failed
	Inherited      bool      // the server did not answer for this mailbox; it is as in the parent
	Unproven       bool      // its messages were read at another server and not compared with the source since
	PermanentFlags []string  // RFC 9051 section 7.1
	FlagsRead      time.Time // when all flags were last read

	Messages int64 // in the pages
	Bytes    int64 // of these messages

	// Erased are messages that the server has and the pages do not, because their owner erased them
	// from the repository.
	Erased mail.UIDSet

	// Pages, Lists or Groups has the page rows, in ascending order: Pages while they are few, Lists
	// names chunks with more of them, and Groups chunks that name many lists. SetPages sets them,
	// AllPages reads them.
	Pages  []Page
	Lists  []chunk.ID
	Groups []chunk.ID

	Extensions Extensions
}

// Kind is the kind of a collection. The format leaves room for others than mailboxes.
type Kind uint8

// KindMailbox is the only kind of format version 1.
const KindMailbox Kind = 0

// Page is one row of the page table of a mailbox. It says where the records of the UIDs from Start
// to Start + 2^Bits − 1 are. The order of the fields is part of the durable format.
type Page struct {
	_        struct{} `cbor:",toarray"`
	Start    uint32   // a multiple of 2^Bits
	Bits     uint8
	Messages uint32   // 1 to 256
	Records  chunk.ID // of the record page
	Flags    chunk.ID // of the flag page
}

// Record is what never changes of a message.
type Record struct {
	UID      mail.UID
	Size     int64     // bytes, as the server sent the message
	Hash     chunk.ID  // of the whole message, under the message key
	Internal mail.Date // INTERNALDATE
	Saved    mail.Date // SAVEDATE; zero: not known
	Hint     int64     // RFC822.SIZE if it differs from Size, else 0
	IDs      mail.IDs
	ByID     bool // not downloaded, but taken from an archived message with the same id

	// Probe is the prefix of the hash of two ranges of the message; see ProbeOffsets. It is zero if
	// the message has no probe.
	Probe chunk.Prefix

	// Opening is the prefix of the hash of the first OpeningBytes of the second part, if that is a
	// Text part. It is zero otherwise, and if Probe is zero.
	Opening chunk.Prefix

	// Parts are the parts that make up the message, none for an empty message. If they have more
	// than eight chunks in total (see NeedsList), List names a chunk that holds them, and Parts is
	// nil. PartList reads both.
	Parts []Part
	List  chunk.ID

	Extensions Extensions
}

// Form returns how the message was in a file. It is in the extensions, which programs preserve that
// do not know it. SetForm inverts it.
func (r *Record) Form() mail.Form { return parseForm(r.Extensions) }

// ServerSize returns the size that the server gave for the message (RFC822.SIZE).
func (r *Record) ServerSize() int64 { return cmp.Or(r.Hint, r.Size) }

// Part is a part of a message (see package mail) and the chunks that hold it.
type Part struct {
	Kind   mail.PartKind
	Recipe mail.Recipe // of a Base64 part
	Chunks []chunk.ID  // at least one
}

// FlagSet is what can change of a message.
type FlagSet struct {
	Flags  mail.Flags
	Labels []string // of Gmail, raw and sorted; nil elsewhere
}

// Entry is everything that is recorded of a message.
type Entry struct {
	Record
	FlagSet
}
