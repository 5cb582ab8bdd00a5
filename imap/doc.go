// Package imap is a connection to an IMAP server that is logged in to an account (RFC 9051, RFC
// 3501), and the commands and responses on it. imapclient has the commands, imapsource reads
// accounts for backups, and imaprestore writes them.
//
//	Options ─► Dialer ─► netconn.Conn ─► handshake ───────────────────► Conn
//	url.go     dial.go   bytes, stalls   TLS, greeting, login, ID, ENABLE
//
//	imapclient ─► Command ────► Conn.Start ───────────────► socket
//	              command.go    send.go: lines and literals
//
//	socket ─► wire.Reader ─► Conn.readResponse ─► Command.OnResponse
//	          nodes, UIDs    conn.go
//	             └ literals of bodies ──────────► Command.OnBody, never held in memory
//
// Options name a server and an account (options.go, url.go). A Dialer makes the connections of a
// run (dial.go). Each begins with TLS (tls.go), the greeting and what follows the login
// (handshake.go), and the login itself (login.go). The connections of a run share what they found
// out: what the server cannot do (quirks.go), and which passwords it refused (logins.go).
// capability.go is what the server offers.
//
// send.go sends commands (command.go). In conn.go, readResponse reads an answer by wire.Reader.Next
// and gives it to the command that it belongs to; errors.go says what refusals mean. trace.go
// writes both down.
//
// What a server may send is wide, and what servers do send is wider: a line that breaks off, an
// unknown response, a response without a command. The package ignores responses and codes that
// nothing asked for. A server can make the client hold only a limited amount of memory (package
// wire).
//
// A Conn is used by one goroutine at a time, and no goroutine reads on its own. Several commands
// may be in flight; a call that waits for one of them reads for all. So nothing can block on
// anything else, and a body passes from the connection's buffer to its reader without a copy in
// between. Commands that do not need each other's answers are sent together, so that a server that
// is far away costs one round trip (RFC 9051 section 5.5). Servers obey commands in order, so an
// ENABLE counts for the LIST after it. A server that loses commands is found out by a NOOP
// (send.go).
package imap
