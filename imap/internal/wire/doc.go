// Package wire reads and writes the grammar of IMAP (RFC 9051 section 9), and knows nothing of what
// the words mean.
//
//	bytes ──► Reader ──► Response: tag, name, code, Args (a tree of Nodes), UIDs
//	             └─ body literals ──► Sink
//
// reader.go reads one response, tokens.go its tokens, literal.go its literals, and sets.go its sets
// of UIDs. node.go holds the tree. limits.go bounds what a server can make the client hold.
// quote.go is the way out: it quotes strings, recognizes atoms, makes the server's words printable
// for messages, and has the ExactWriter, which keeps a literal to its announced length. Package
// imap sends the literals (imap/send.go).
package wire
