// Package mbox writes and reads mbox files: mail as one stream of messages (RFC 4155).
//
//	From anna@mail.example Fri Mar 13 02:10:00 2026    the From line: who sent the message, and when it arrived, in UTC
//	From: Anna <anna@mail.example>                      the message
//	Subject: Bridge plans
//	Status: RO                                          its flags, at the end of its header (status.go)
//	X-Status: F
//	X-Keywords: work
//
//	>From here on the river is wide.                    a line that would look like a From line
//	                                                    an empty line
//	From joao@mail.example …
//
// A Writer writes the variant mboxrd: each line that consists of any number of ">" and "From " gets
// another ">". A reader that removes one gets the message back. Lines end in LF, as in the files of
// most systems. A message whose lines do not all end in CRLF keeps its line ends.
//
// Scan finds the messages of a file of any variant, ParseHead reads the flags of one, and
// NewUnquoter its text.
//
//	writer.go     Writer
//	scan.go       Scan, and the variants
//	unquote.go    the text of a message
//	fromline.go   From lines
//	head.go       what a header says of the flags
//	status.go     flags as fields of the header
//	fields.go     fields of mail programs, kept beside the message
package mbox
