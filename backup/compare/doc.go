// Package compare finds out how a mailbox on the server differs from the archived one.
//
//	Ask             what changed since a mod-sequence (CONDSTORE, QRESYNC)
//	CompareFlags    what changed, from the flags of all messages
//	Existing        which UIDs of a sparse range exist
//	Confirm         whether a mailbox is the one that was archived under another name
//
// The first two fill a Change: messages that are gone, fresh, or have other flags. Nothing here
// downloads a body.
package compare
