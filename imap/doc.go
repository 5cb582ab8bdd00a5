// Package imap reads mail accounts faithfully over IMAP, and restores into them (RFC 9051, RFC 3501).
//
// It is a client made for archiving, and built from the wire up:
//
//	bytes ──► reader ──► token tree ──► Client ──► Source, Target
//	             │ body literals
//	             └──────────────────► the archive, never held in memory
//
// The reader turns every response into a tree of tokens and knows nothing of what the tokens mean. Attributes are
// looked up by name; a response, a code or an attribute nobody asked for is left alone. What a server may legally say
// is wide, what servers do say is wider, and an archiver must read both: a FETCH in two halves, a UID after its body,
// a keyword with a bracket in it, a date that is none. Whatever bytes come, the reader holds only a bounded number of them.
//
// A Client is one connection, used by one goroutine at a time. Several commands may be under way; whoever waits for one
// of them reads for all, in the order the server speaks, and data belongs to the message or mailbox it names, never to
// the command that seems to be due. So nothing can block on anything else, and a body goes straight from the socket's
// buffer to its reader.
//
// Source and Target are whole accounts: a few Clients, shared out, renewed when they break.
package imap
