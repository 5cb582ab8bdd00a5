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
func (s *session) capability(_ context.Context, cmd *command.Command) error {
	if err := cmd.End(); err != nil {
		return err
	}
	s.out.line("* CAPABILITY " + capabilities)
	return nil
}

// id is ID (RFC 2971). What the client says of itself is not kept.
func (s *session) id(context.Context, *command.Command) error {
	s.out.line("* ID (" + quote("name") + " " + quote("mailstrata") + " " + quote("version") + " " + quote(s.server.o.Version) + ")")
	return nil
}

// namespace is NAMESPACE (RFC 2342). Whatever the namespaces of the account are, the archive has
// one.
func (s *session) namespace(_ context.Context, cmd *command.Command) error {
	if err := cmd.End(); err != nil {
		return err
	}
	s.out.line("* NAMESPACE ((" + quote("") + " " + quote(s.delimiter()) + ")) NIL NIL")
	return nil
}

// delimiter returns the hierarchy delimiter of the view.
func (s *session) delimiter() string {
	if len(s.view.Mailboxes) > 0 {
		return s.view.Mailboxes[0].Delimiter
	}
	return "/"
}
