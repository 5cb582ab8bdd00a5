package restore

import (
	"fmt"
	"strings"

	"github.com/mailstrata/mailstrata/mail"
)

// Report is what a restore did.
type Report struct {
	Progress

	Changed   int64 // messages that were added, but not with the flags, keywords or date that were archived
	FlagsLost int64 // of these, messages without a system flag that they had, such as \Seen
	Altered   int64 // messages that were added, but of which the target made other bytes; kept likewise
	Refused   int64 // messages that the target did not take; they are kept as .eml, if a directory was named
	Failed    int64 // messages, pages, lists and tables that could not be read from the archive

	Mirror *MirrorReport // what of the target is too much; nil: nobody asked

	Previewed bool // a dry run that looked at the target: Added is what would be added, Present what is there

	Notes    []string  // what the target could not make as it was
	Problems []Problem // the first maxProblems; all are in File
	File     string    // the report file; empty if there was nothing to write, or nowhere
}

// Whole reports whether every message that was to be restored is in the target, byte for byte and with its system flags.
func (r *Report) Whole() bool {
	return r.Altered == 0 && r.Refused == 0 && r.Failed == 0 && r.FlagsLost == 0
}

// Progress tells how far a restore is. Done messages are those added, found in the target, or in the report as
// refused or failed.
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

// Problem is what is to be told of one message.
type Problem struct {
	Kind    ProblemKind
	Mailbox string   // decoded name; empty: a mailbox table
	UID     mail.UID // 0: more than one message, as Reason tells
	Reason  string
	Kept    string // the file that the message is kept in

	FlagsLost bool // a system flag is among what was changed
}

// ProblemKind is what happened to a message.
type ProblemKind uint8

const (
	MessageChanged ProblemKind = iota // added, but with other flags, keywords or date
	MessageAltered                    // added, but the target made other bytes of it
	MessageRefused                    // not taken by the target
	MessageFailed                     // not to be had from the archive
)

func (k ProblemKind) String() string {
	switch k {
	case MessageChanged:
		return "changed"
	case MessageAltered:
		return "altered"
	case MessageRefused:
		return "refused"
	}
	return "failed"
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
