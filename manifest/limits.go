package manifest

import (
	"errors"
	"fmt"
	"slices"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
)

// These constants are the choices of a writer; docs/design/manifest.md says what each costs.
// Readers accept everything within the limits below, because versions before 2026-12 wrote up to
// the limits.
const (
	PageRecords     = 16            // records of a page
	inlinePages     = 4             // page rows that a mailbox holds itself
	listPages       = 16            // page rows of a page list
	ungroupedPages  = 8 * listPages // page rows of a mailbox whose lists are not in groups
	groupLists      = 16            // page lists of a group; more if there would be more groups than that
	maxWrittenLists = 65_536        // more pages go into larger lists
	inlineMailboxes = 512           // bytes of the mailboxes that a manifest holds itself
	tableRows       = 4             // mailboxes of a table; more if there would be more than fewTables tables
	fewTables       = 12
	pageItems       = 32        // items of a page, on average
	propertyPage    = 256 << 10 // bytes of properties after which a page ends
)

// These constants are part of the durable format. Writers keep to them, and readers refuse what
// exceeds them.
const (
	MaxPageRecords  = 256 // records of a page
	MaxInlineChunks = 8   // chunks of a message that its record names itself
	maxInlinePages  = 16  // page rows that a mailbox holds itself
	maxListPages    = 256 // page rows of a page list
	maxGroupLists   = 256 // page lists of a list group
	maxTableRows    = 256 // mailboxes of a table

	maxText          = 64 << 10 // bytes of a text from a server or a person
	MaxServerID      = 255      // bytes of an id of a message (RFC 8474 section 4), and of a raw date
	maxFlags         = 4096     // flags of a message, and labels of a message
	maxNames         = 4096     // entries of a list that a server sends about itself or a mailbox
	maxLists         = 16_384   // page lists that a mailbox names itself
	maxGroups        = 16_384   // list groups of a mailbox
	maxErased        = 16_384   // ranges of erased UIDs of a mailbox
	maxMailboxes     = 1_000_000
	maxItemSources   = 64
	maxItemPages     = 16_384 // of a collection
	maxPageItems     = 256    // items of a page
	MaxItemName      = 2048   // bytes of the name of an item, and of its ETag
	maxItemChunks    = 65_536
	maxPropertyPages = 256
	maxProperties    = 2 << 20 // bytes of the properties of a mailbox
	maxNotes         = 100_000 // failures, and warnings, dangling subscriptions and alarms
	maxParts         = mail.MaxParts
	MaxChunk         = 4 << 20   // bytes of a chunk
	maxManifest      = 256 << 20 // bytes of a manifest
	maxMailboxBytes  = 1 << 20   // bytes of a mailbox, and of all mailboxes of a table
	maxInlineMailbox = 64 << 10  // bytes of the array of mailboxes that a manifest holds itself
)

var (
	// ErrMalformed is wrapped by the errors of all parsers. It means that no writer of this version
	// made these bytes.
	ErrMalformed = errors.New("malformed")

	// ErrLimit is wrapped by the errors of all encoders. It means that the value is invalid or too
	// large for the format.
	ErrLimit = errors.New("cannot be recorded")
)

// refuse returns the error for a value that must neither be written nor read.
func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrLimit, fmt.Sprintf(format, args...))
}

// checkTexts refuses texts of a field that are too long.
func checkTexts(field string, texts ...string) error {
	for _, text := range texts {
		if len(text) > maxText {
			return refuse("%s has %d bytes, the limit is %d", field, len(text), maxText)
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
