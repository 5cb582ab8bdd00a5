package manifest

import (
	"errors"
	"fmt"
	"slices"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
)

// These constants are the choices of a writer; docs/design/manifest.md says what each costs. Readers accept everything
// within the limits below, because versions before 2026-12 wrote up to the limits.
const (
	PageRecords     = 16  // records of a page
	InlinePages     = 4   // page rows that a mailbox holds itself
	ListPages       = 64  // page rows of a page list
	InlineMailboxes = 512 // bytes of the mailboxes that a manifest holds itself
	TableRows       = 32  // mailboxes of a table; more if there would be more than FewTables tables
	FewTables       = 8
)

// These constants are part of the durable format. Writers keep to them, and readers refuse what exceeds them.
const (
	MaxPageRecords  = 256 // records of a page
	MaxInlineChunks = 8   // chunks of a message that its record names itself
	MaxInlinePages  = 16  // page rows that a mailbox holds itself
	MaxListPages    = 256 // page rows of a page list
	MaxTableRows    = 256 // mailboxes of a table

	MaxText          = 64 << 10 // bytes of a text from a server or a person
	MaxServerID      = 255      // bytes of an id of a message (RFC 8474 section 4), and of a raw date
	MaxFlags         = 4096     // flags of a message, and labels of a message
	MaxNames         = 4096     // entries of a list that a server sends about itself or a mailbox
	MaxLists         = 16_384   // page lists of a mailbox
	MaxErased        = 16_384   // ranges of erased UIDs of a mailbox
	MaxMailboxes     = 1_000_000
	MaxNotes         = 100_000 // failures, and warnings, dangling subscriptions and alarms
	MaxParts         = mail.MaxParts
	MaxChunk         = 4 << 20   // bytes of a chunk
	MaxManifest      = 256 << 20 // bytes of a manifest
	MaxMailboxBytes  = 1 << 20   // bytes of a mailbox, and of all mailboxes of a table
	MaxInlineMailbox = 64 << 10  // bytes of the array of mailboxes that a manifest holds itself
)

var (
	// ErrMalformed is wrapped by the errors of all parsers. It means that no writer of this version made these bytes.
	ErrMalformed = errors.New("malformed")

	// ErrLimit is wrapped by the errors of all encoders. It means that the value is invalid or too large for the
	// format.
	ErrLimit = errors.New("cannot be recorded")
)

// refuse returns the error for a value that must neither be written nor read.
func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrLimit, fmt.Sprintf(format, args...))
}

// checkTexts refuses texts of a field that are too long.
func checkTexts(field string, texts ...string) error {
	for _, text := range texts {
		if len(text) > MaxText {
			return refuse("%s has %d bytes, the limit is %d", field, len(text), MaxText)
		}
	}
	return nil
}

// checkList refuses a list of texts that is too long, and texts that are too long.
func checkList(field string, list []string, limit int) error {
	if err := checkCount(field, len(list), limit); err != nil {
		return err
	}
	return checkTexts(field, list...)
}

func checkCount(field string, n, limit int) error {
	if n > limit {
		return refuse("%d %s, the limit is %d", n, field, limit)
	}
	return nil
}

// checkIDs refuses zero IDs.
func checkIDs(field string, ids []chunk.ID) error {
	if slices.ContainsFunc(ids, chunk.ID.IsZero) {
		return refuse("%s: an ID of zeros", field)
	}
	return nil
}
