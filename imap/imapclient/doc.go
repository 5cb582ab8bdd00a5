// Package imapclient has the commands with which mail accounts are read and written over IMAP.
//
// A message passes from the server to a backup like this:
//
//	imap.Conn ──────────────► Mailbox ──────────────────► imapsource ─► backup
//	responses, to the         FETCH of attributes,
//	command that asked        attributes.go, collect.go
//	   └ literals of bodies ► FETCH of bodies, body.go ─► read(uid, body)
//
// read belongs to the caller: in a backup, to the fetch.Downloader (package backup/fetch), which
// stores the body while it reads it. A restore goes the other way:
//
//	imaprestore ─► Client.Append ─► imap.Conn
//	               append.go
//
// A Pool (pool.go) shares out the connections of an account. A Client is one of them, with the
// commands of the account: client.go; server.go for the server's answers about itself; append.go;
// properties.go, set_properties.go and quotas.go for access rights, annotations and quotas, whose
// responses package properties reads. A survey of the mailboxes (survey.go) sends LIST (list.go,
// with name.go, scope.go and inbox.go), asks for subscriptions (subscriptions.go), and sends STATUS
// (status.go). gmail.go and virtual.go are for servers that show one message in several mailboxes.
//
// A survey is no package of its own, because it shares with the other commands what a Client knows
// of its server: the namespaces, the names, the numbers of a mailbox, and which mailbox is open.
//
// A Mailbox has the commands of the mailbox that is open: mailbox.go; search.go; and three forms of
// FETCH: attributes.go with collect.go for what a message is without its body, body.go for bodies
// and headers, and ranges.go for ranges of bodies. The first FETCH of a mailbox is sent with the
// EXAMINE that opens it (expected.go).
//
// Servers send a FETCH in two halves, a UID after its body, a keyword with a bracket in it, a date
// that is not a date. The package reads all of them, and ignores attributes that it did not ask
// for. Data belongs to the message or mailbox that it names, not to the command that seems to be
// due. A server can make the client hold only a limited amount of memory (memory.go).
package imapclient
