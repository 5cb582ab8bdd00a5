package imapserver

import (
	"context"

	"github.com/mailstrata/mailstrata/serve/internal/command"
)

// myRights is MYRIGHTS (RFC 4314 section 3.5): lookup and read. READ-ONLY is not enough for
// Thunderbird, which stores \Seen when a message is opened, and takes a message for gone that it
// could only copy. If it knows its rights, it copies where it would move.
func (s *session) myRights(_ context.Context, cmd *command.Command) error {
	name, err := cmd.Mailbox()
	if err != nil {
		return err
	}
	m, err := s.mailbox(name)
	if err != nil {
		return err
	}
	s.out.line("* MYRIGHTS " + astring(m.Name) + " lr")
	return nil
}

// refuseRights answers the other commands of RFC 4314. The rights on the server are not served:
// nobody but the holder of the password has any here.
func (s *session) refuseRights(context.Context, *command.Command) error {
	return &no{"[NOPERM] The rights of an archive cannot be listed or changed"}
}
