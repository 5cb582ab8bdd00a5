// Package mail holds the nouns of the program: a mailbox and its numbers, a message and its flags, sets of UIDs; and
// the lossless split of a message into parts and its inverse.
//
// The terms are those of RFC 9051 (IMAP4rev2) and RFC 5322. The package does no I/O of its own and imports nothing of
// ours: a source fills these values, a manifest keeps them, a target writes them out again.
//
// Text that comes from servers (names, flags, ids) is kept in Go strings byte for byte, valid UTF-8 or not.
package mail
