// Package manifest is the record of what one run found in one account: its types, their encoding,
// and the pages that hold the messages of a mailbox.
//
// # Data model
//
// A manifest is an object of the repository. What does not fit into it is in chunks, which it names
// by their IDs. Unchanged chunks are shared by the manifests of all runs:
//
//	Manifest                      one run of one account                        manifest.go, encode.go
//	  ├ server part               what the server says about itself, or inline      server.go
//	  └ Mailbox …                 inline while small, else in mailbox tables    mailbox.go, tables.go
//	      └ Page …                inline up to 4, else in page lists            pages.go
//	          │                   above 128, page lists are in list groups      groups.go
//	          ├ record page       what never changes of up to 16 messages       record.go
//	          │   └ part list     the parts of a message of many chunks         parts.go
//	          └ flag page         the flags and labels of the same messages     flags.go
//	  ├ property page             access rights and annotations of mailboxes    properties.go
//	  └ ItemSource …              scripts, calendars or address books           items.go, items_encode.go
//	      └ Collection …
//	          └ item page         names, ETags and chunks of items              items_pages.go
//
// A page covers an aligned range of UIDs. The records alone decide which ranges are pages
// (partition.go), so a mailbox has one encoding, however it came to its state, and one changed flag
// in a mailbox of a million messages rewrites one flag page. [Mailbox.Fill] makes pages from those
// of an earlier run, if any, and what changed since (update.go, paginate.go). [Mailbox.Entries]
// reads them (entries.go).
//
// A record recognizes its message by the hashes of probe.go. What later versions added is in
// extensions: how a message was in a file (form.go), the state of a JMAP server (state.go), when a
// collection was listed whole (listed.go).
//
// # Encoding
//
// The bytes are those of docs/format.md, "Manifests": CBOR in its core deterministic encoding (RFC
// 8949 section 4.2.1; cbor.go). Each Encode function makes the only encoding of its value, and the
// Parse function beside it refuses all others, as well as values beyond a limit of the format
// (limits.go). Both refuse figures that do not add up (sums.go): a complete mailbox whose records
// are not as many as its STATUS says, or totals that are not the sums over the mailboxes. Pages are
// also parsed by hand, without reflection (scanner.go, pages_scan.go, records_scan.go), because a
// search of all nights parses thousands; what these do not know, the general decoder parses.
//
// The package does no I/O. It reads chunks through a [Load] and stores them through a [Put].
// Package history chooses among the manifests of an account.
package manifest
