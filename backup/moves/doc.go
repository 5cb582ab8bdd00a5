// Package moves finds messages that are archived already, because they were moved or copied, or
// because their mailbox was renumbered or their account moved to another server. Such a message
// need not be downloaded.
//
//	Gone, Lost              mailboxes and UIDs that messages are gone from
//	   ↓
//	Index (index.go)        references to their records, by id, and by size and date
//	   ↓ find               a candidate for a message on the server
//	Matcher (proof.go)      compares both: size, date, header chunk by chunk, probe
//	   ↓ Match
//	archived content        for the manifest's entry, instead of a download
//
// A candidate is only a hint. The proof is the header and, unless an id can name only one body, the
// bytes of the probe. Only hashes are compared and no archived mail is read: the host of a writer
// cannot read it, and reading it would cost more than the download.
package moves
