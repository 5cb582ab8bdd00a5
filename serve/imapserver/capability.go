package imapserver

import (
	"context"

	"github.com/mailstrata/mailstrata/serve/internal/command"
)

// capabilities are those of every state. CONDSTORE is not among them: flags of the latest night
// change under one UIDVALIDITY, and nothing in the archive numbers these changes.
const capabilities = "IMAP4rev1 LITERAL+ SASL-IR AUTH=PLAIN ID IDLE NAMESPACE CHILDREN UNSELECT LIST-EXTENDED LIST-STATUS " +
	"SPECIAL-USE STATUS=SIZE ESEARCH ACL RIGHTS=kxte"

// capability is CAPABILITY (RFC 3501 section 6.1.1).
func (c *session) capability(_ context.Context, cmd *command.Command) error {
	if err := cmd.End(); err != nil {
		return err
	}
	c.out.line("* CAPABILITY " + capabilities)
	return nil
}

// id is ID (RFC 2971). What the client says of itself is not kept.
func (c *session) id(context.Context, *command.Command) error {
	c.out.line("* ID (" + quote("name") + " " + quote("mailstrata") + " " + quote("version") + " " + quote(c.server.o.Version) + ")")
	return nil
}

// namespace is NAMESPACE (RFC 2342). Whatever the namespaces of the account are, the archive has
// one.
func (c *session) namespace(_ context.Context, cmd *command.Command) error {
	if err := cmd.End(); err != nil {
		return err
	}
	c.out.line("* NAMESPACE ((" + quote("") + " " + quote(c.delimiter()) + ")) NIL NIL")
	return nil
}

// delimiter returns the hierarchy delimiter of the view.
func (c *session) delimiter() string {
	for _, m := range c.view.Mailboxes {
		return m.Delimiter
	}
	return "/"
}
