// Package imap reads mail accounts over IMAP (RFC 9051, RFC 3501), and is the client with which imaprestore writes
// them.
//
// A message passes from the server to a backup like this:
//
//	socket ─► netconn.Conn ─► wire.Reader ─► conn ──────► Mailbox ──────────────► view ─────► backup
//	          bytes, stalls   nodes, UIDs    commands     FETCH of attributes,    source.go
//	                          │                           attributes.go, collect.go
//	                          └ literals of bodies ─────► FETCH of bodies, body.go ─► read(uid, body)
//	                            Reader.Sink, which is     never held in memory
//	                            conn.dispatchBody
//
// read belongs to the caller: in a backup, to the fetch.Downloader (package backup/fetch), which stores the body while
// it reads it. A restore goes the other way:
//
//	imaprestore ─► Client.Append ─► command ─────► conn.start ─────────► socket
//	               append.go        command.go     send.go: lines and literals
//
// Options name a server (options.go, url.go). A network connection to it (dial.go, handshake.go, login.go, capability.go)
// becomes a conn: send.go sends commands (command.go). In conn.go, readResponse reads an answer by wire.Reader.Next and
// gives it to the command that it belongs to; errors.go says what refusals mean. trace.go writes both down. A view embeds
// a Mailbox: View.Bodies is Mailbox.Bodies.
//
// Client and Mailbox hold the commands. A Client has those of the account: list.go with scope.go, name.go and inbox.go;
// status.go; client.go; append.go; properties.go and set_properties.go for access rights and annotations, whose responses
// package properties reads. A Mailbox has those of the mailbox that is open: mailbox.go; search.go; and three forms of
// FETCH: attributes.go with collect.go for what a message is without its body, body.go for bodies and headers, and
// ranges.go for ranges of bodies. Commands that need no answer of each other are sent together (together.go), and the
// first FETCH of a mailbox with the EXAMINE that opens it (expected.go).
//
// source.go is the account as backup sees it, over the connections of a Pool (pool.go). Its view is a mailbox that is
// open on one of them. gmail.go and virtual.go are for servers that show one message in several mailboxes. A run
// remembers what the server cannot do (quirks.go), and which passwords it refused (logins.go).
//
// What a server may send is wide, and what servers do send is wider: a FETCH in two halves, a UID after its body, a
// keyword with a bracket in it, a date that is not a date. The package reads all of them. It ignores responses, codes
// and attributes that it did not ask for. Data belongs to the message or mailbox that it names, not to the command
// that seems to be due. A server can make the client hold only a limited amount of memory (memory.go and package
// wire).
//
// A Client is used by one goroutine at a time, and no goroutine reads on its own. Several commands may be in flight; a
// call that waits for one of them reads for all. So nothing can block on anything else, and a body passes from the
// connection's buffer to its reader without a copy in between.
//
// The package is larger than others because its halves cannot be separated by a narrow interface: every command depends
// on conn's dispatch of responses.
package imap
