// Package command reads and parses the commands of IMAP clients (RFC 3501 section 9), and knows
// nothing of mailboxes.
//
//	bytes ── Reader.Next ──► Command: tag, name, arguments        reader.go
//	                           │  the Scanner of the arguments    scanner.go
//	                           ├ Login, Mailbox                   login.go
//	                           ├ List, Status                     list.go
//	                           ├ Fetch                            fetch.go, section.go
//	                           └ Search                           search.go
//
// Sets of messages are in set.go.
//
// The parsers are strict, because a server may answer BAD: what a client means is then never
// guessed. Package imap/internal/wire, which reads what servers send, must accept whatever can be
// understood, so the two share nothing.
package command
