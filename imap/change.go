package imap

import (
	"context"
	"strings"

	"github.com/mailstrata/mailstrata/mail"
)

// Create makes a mailbox, for a special use where one is given and the server takes it (RFC 6154).
func (c *Client) Create(ctx context.Context, raw, specialUse string) error {
	cmd := newCommand("CREATE").mailbox(raw)
	if specialUse != "" {
		cmd.raw(" (USE (" + specialUse + "))")
	}
	return c.do(ctx, cmd)
}

// Delete removes a mailbox with all that it holds.
func (c *Client) Delete(ctx context.Context, raw string) error {
	return c.do(ctx, newCommand("DELETE").mailbox(raw))
}

// Subscribe puts a mailbox among those subscribed to.
func (c *Client) Subscribe(ctx context.Context, raw string) error {
	return c.do(ctx, newCommand("SUBSCRIBE").mailbox(raw))
}

// Unsubscribe takes a mailbox from those subscribed to.
func (c *Client) Unsubscribe(ctx context.Context, raw string) error {
	return c.do(ctx, newCommand("UNSUBSCRIBE").mailbox(raw))
}

// Store adds flags to messages; with a "-" as sign it removes them, and without one it replaces theirs.
func (m *Mailbox) Store(ctx context.Context, uids mail.UIDSet, sign string, flags []string) error {
	return m.c.do(ctx, newCommand("UID STORE").raw(" "+uids.String()+" "+sign+"FLAGS.SILENT ("+strings.Join(flags, " ")+")"))
}

// Expunge removes messages that are marked as deleted, of those UIDs alone (UIDPLUS).
func (m *Mailbox) Expunge(ctx context.Context, uids mail.UIDSet) error {
	return m.c.do(ctx, newCommand("UID EXPUNGE").raw(" "+uids.String()))
}
