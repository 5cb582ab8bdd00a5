// Package imaprestore restores archived messages into mail accounts over IMAP. It implements
// restore.Target with the commands of package imapclient.
//
// A message passes to the server like this:
//
//	Missing: is there a copy?            match.go: size and date, header, bytes
//	MissingSimilar: a changed copy?      resemble.go: what servers do not change
//	Append:  ready                       folder.go: buffer the body, choose flags and date
//	         add ─► send ─► APPEND       folder.go: smaller batches, another attempt; reduce.go: fewer flags
//	         check                       readback.go: read back, compare, report, record in the journal
//
// Prepare (prepare.go) finds or makes a mailbox of the target for each archived one, under a name
// by mapping.go.
//
// A folder is then open in three layers. A session (session.go) takes a connection from the pool
// for each call, and connects again if it is lost; undelivered.go reads around messages that the
// server cannot deliver. An inventory (inventory.go) holds what is in the mailbox, and finds the
// messages that need not be sent (match.go, resemble.go). A folder (folder.go) adds the others:
// reduce.go sends a refused message with less, identify.go finds out what was added when an answer
// is lost, and readback.go compares what the server has with what was sent. The journal
// (imap/internal/journal) records what was sent and what was found different, so that recheck.go
// can go on after an interrupted restore.
//
// mirror.go removes what is extra in the target; labels.go is for Gmail.
package imaprestore
