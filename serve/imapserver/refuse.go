package imapserver

import (
	"context"

	"github.com/mailstrata/mailstrata/serve/internal/command"
)

// deny answers every command that would write.
func (s *session) deny(_ context.Context, cmd *command.Command) error {
	switch cmd.Name {
	case "STORE":
		return &no{"[NOPERM] An archive keeps flags as they were at the backup"}
	case "SUBSCRIBE", "UNSUBSCRIBE":
		return &no{"[NOPERM] An archive keeps subscriptions as they were at the backup"}
	case "MOVE":
		return &no{"[NOPERM] A message cannot leave an archive; copy it to another account"}
	case "CREATE", "DELETE", "RENAME":
		return &no{"[NOPERM] An archive keeps mailboxes as they were at the backup"}
	}
	return &no{"[NOPERM] Nothing can be added to an archive; mailstrata backup does that"}
}

// expunge is EXPUNGE and UID EXPUNGE. Clients send it when they leave a mailbox, and nothing they
// did is there to be expunged.
func (s *session) expunge(context.Context, *command.Command) error { return nil }
