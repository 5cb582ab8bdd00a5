package imapclient

import (
	"context"
	"strings"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/imap/internal/wire"
	"github.com/mailstrata/mailstrata/mail"
)

// IsGmail reports whether the server has Gmail's extensions.
func (c *Client) IsGmail() bool { return c.Has("X-GM-EXT-1") }

// AddLabels adds Gmail's labels to messages.
func (m *Mailbox) AddLabels(ctx context.Context, uids mail.UIDSet, labels []string) error {
	cmd := imap.NewCommand("UID STORE").Raw(" " + uids.String() + " +X-GM-LABELS (")
	for i, label := range labels {
		if i > 0 {
			cmd.Raw(" ")
		}
		name, system := strings.CutPrefix(label, `\`)
		switch decoded, ok := mail.DecodeName(label); {
		case system && wire.IsAtom(name):
			cmd.Raw(label)
		case ok:
			cmd.Text(mail.EncodeName(decoded)) // the archived label may be in UTF-8
		default:
			cmd.Text(label)
		}
	}
	return m.c.Do(ctx, cmd.Raw(")"))
}
