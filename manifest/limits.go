package manifest

import (
	"errors"
	"fmt"

	"github.com/mailstrata/mailstrata/mail"
)

// What a writer chooses. docs/design/manifest.md says what each costs. Readers accept all that the limits below allow, because programs
// before 2026-12 wrote up to the limits.
const (
	PageRecords     = 16 // records of a page
	InlinePages     = 4  // page rows that a mailbox holds itself
	ListPages       = 64 // page rows of a page list
	InlineMailboxes = 512
	TableRows       = 32 // mailboxes of a table; more where there would be more than so many tables
	FewTables       = 8
)

// These constants are part of the durable format: writers keep to them, and readers refuse what exceeds them.
const (
	MaxPageRecords  = 256 // records of a page
	MaxInlineChunks = 8   // chunks of a message that its record names itself
	MaxInlinePages  = 16  // page rows that a mailbox holds itself
	MaxListPages    = 256 // page rows of a page list
	MaxTableRows    = 256 // mailboxes of a table

	MaxText          = 64 << 10 // bytes of a text from a server or a person
	MaxServerID      = 255      // bytes of a server's id of a message, as RFC 8474 section 4 has it, and of a raw date
	MaxFlags         = 4096     // flags of a message; labels likewise
	MaxNames         = 4096     // entries of a list that a server gives of itself or of a mailbox
	MaxLists         = 16_384   // page lists of a mailbox
	MaxErased        = 16_384   // ranges of UIDs of a mailbox that were erased
	MaxMailboxes     = 1_000_000
	MaxNotes         = 100_000 // failures; warnings, dangling subscriptions and alarms likewise
	MaxParts         = mail.MaxParts
	MaxChunk         = 4 << 20   // bytes of a chunk
	MaxManifest      = 256 << 20 // bytes of a manifest
	MaxMailboxBytes  = 1 << 20   // bytes of a mailbox, and of all mailboxes of a table
	MaxInlineMailbox = 64 << 10  // bytes of the array of mailboxes that a manifest holds itself
)

var (
	// ErrMalformed is wrapped by the errors of every parser: these bytes are not what a writer of this version makes.
	ErrMalformed = errors.New("malformed")

	// ErrLimit is wrapped by the errors of every encoder: the format has no room for this value, or it makes no sense.
	ErrLimit = errors.New("cannot be recorded")
)

// refuse makes the error of a value that must neither be written nor read.
func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrLimit, fmt.Sprintf(format, args...))
}

// checkTexts bounds texts of one field.
func checkTexts(field string, texts ...string) error {
	for _, text := range texts {
		if len(text) > MaxText {
			return refuse("%s has %d bytes, the limit is %d", field, len(text), MaxText)
		}
	}
	return nil
}

// checkList bounds a list of texts and the texts.
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
