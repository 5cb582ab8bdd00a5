package restore

import (
	"fmt"
	"strings"

	"github.com/mailstrata/mailstrata/mail"
)

// Report is what a restore did.
type Report struct {
	Progress

	Changed   int64 // messages added with other flags, keywords or dates than in the archive
	FlagsLost int64 // of these, messages that lost a system flag such as \Seen
	Altered   int64 // messages that the target stored with other bytes; kept as .eml in Options.ReportDir
	Refused   int64 // messages that the target refused; kept likewise
	Failed    int64 // messages, pages, lists and tables that could not be read from the archive
	Lost      int64 // folders that others deleted, renamed or replaced during the restore
	Undeleted int64 // messages restored without \Deleted, because Options.KeepDeleted is false

	Grants      int64 // entries that were added to access control lists; in a dry run, that would be
	Annotations int64 // that were added, likewise

	Mirror *MirrorReport // what was removed; nil: Options.Mirror is nil

	Previewed bool // a dry run with a Previewer: Added is what would be added

	Notes    []string  // what is different in the target
	Problems []Problem // the first maxProblems; all are in File
	File     string    // the path of the report file; empty: there is none
}

// Whole reports whether all messages are in the target, byte for byte and with their system flags.
func (r *Report) Whole() bool {
	return r.Altered == 0 && r.Refused == 0 && r.Failed == 0 && r.FlagsLost == 0 && r.Lost == 0
}

// Progress is how far a restore is. Done messages are those that were added, found in the target,
// refused, or failed.
type Progress struct {
	Mailboxes     int64 // to be restored
	Messages      int64
	Bytes         int64
	DoneMessages  int64
	DoneBytes     int64
	Added         int64
	AddedBytes    int64
	Present       int64 // in the target already
	DoneMailboxes int64
}

// Problem is one line of the report.
type Problem struct {
	Kind    ProblemKind
	Mailbox string   // decoded name; empty: a mailbox table
	UID     mail.UID // 0: Reason says which messages, or it concerns the mailbox
	Reason  string
	Kept    string // the file that has the message

	FlagsLost bool // a system flag was lost
}

// ProblemKind is the kind of a Problem.
type ProblemKind uint8

const (
	MessageChanged ProblemKind = iota // added, but with other flags, keywords or date
	MessageAltered                    // added, but stored with other bytes
	MessageRefused                    // refused by the target
	MessageFailed                     // not readable from the archive
	FolderLost                        // deleted, renamed or replaced in the target
)

func (k ProblemKind) String() string {
	return [...]string{"changed", "altered", "refused", "failed", "lost"}[k]
}

func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.Kind.String())
	if p.Mailbox != "" {
		fmt.Fprintf(&b, " mailbox %q", p.Mailbox)
	}
	if p.UID != 0 {
		fmt.Fprintf(&b, " UID %d", p.UID)
	}
	fmt.Fprintf(&b, ": %s", p.Reason)
	if p.Kept != "" {
		fmt.Fprintf(&b, "; kept as %s", p.Kept)
	}
	return b.String()
}
