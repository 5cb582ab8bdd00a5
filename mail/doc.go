// Package mail holds the values that mailstrata works with, and the lossless split of a message
// into parts.
//
// # Values
//
// The terms are those of RFC 9051 (IMAP4rev2) and RFC 5322. A source fills these values, a manifest
// keeps them, and a target writes them out again:
//
//	Server     the ID, capabilities, namespaces and quotas of a server           mailbox.go
//	Survey     all mailboxes of an account at one moment                         mailbox.go
//	Mailbox    one line of LIST, with its Status; Path, SpecialUse               mailbox.go, utf7.go
//	Message    what FETCH returns besides the body: UID, Flags, Date, IDs        message.go
//	Form       how a message was in a file                                       form.go
//	Properties access rights and annotations of a mailbox                        properties.go
//	Pattern    the mailboxes that a user names                                   pattern.go
//	Flags      flags and keywords; labels of Gmail, and keywords made of these   flags.go, label.go
//	UIDSet     a set of UIDs, as ranges                                          uidset.go
//	Err…       what the errors of a server mean for the caller                   errors.go
//
// Text from servers (names, flags, ids) stays in Go strings byte for byte, valid UTF-8 or not.
//
// # Parts
//
// A [Splitter] splits the bytes of a message into parts, and a [Joiner] puts them together again.
// Equal content becomes equal parts: headers are stored beside headers, text beside text, and
// base64 is stored decoded. The split is lossless for every sequence of bytes, mail or not, and
// needs no MIME parser, so malformed mail is no special case.
//
//	message = [ Header ] { Text | Base64 }
//
//	Header    up to and including the first empty line             header.go
//	Base64    a run of base64 lines, decoded, with its Recipe      base64.go, base64_lines.go
//	Text      everything else, unchanged
//
// No part is empty, two Text parts are never adjacent, and the parts depend only on the message,
// not on the sizes of the reads.
//
// The package imports nothing of mailstrata and does no I/O.
package mail
