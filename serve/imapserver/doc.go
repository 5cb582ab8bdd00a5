// Package imapserver is a read-only IMAP4rev1 server (RFC 3501) for the views of package view.
//
//	Server.Serve ──► conn         one client: lines in, lines out, time limits          server.go, conn.go
//	                  │ run       a command, in the state that it needs                 session.go
//	                  ├ login.go, capability.go, rights.go, list.go, status.go, select.go
//	                  ├ fetch.go, batch.go ─► message.go, section.go, envelope.go, structure.go   FETCH
//	                  ├ search.go ─► match.go, text.go                                          SEARCH
//	                  └ refuse.go                                                               everything that would write
//
// writer.go writes the grammar of responses. Package serve/internal/command parses commands.
//
// A response is written when it is whole, except for the literals of large bodies. If a body turns
// out to be damaged before its literal begins, the command fails with NO. If it happens later, the
// connection ends: a client must never take a part of a message, or filling, for the message.
package imapserver
