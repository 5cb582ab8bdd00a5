package imap

import (
	"context"
	"strings"

	"github.com/mailstrata/mailstrata/mail"
)

// Create makes a mailbox, with a special use unless that is "" (RFC 6154 section 3).
func (c *Client) Create(ctx context.Context, raw, specialUse string) error {
	cmd := newCommand("CREATE").mailbox(raw)
	if specialUse != "" {
		cmd.raw(" (USE (" + specialUse + "))")
	}
	return c.do(ctx, cmd)
}

// Delete removes a mailbox with all its messages.
func (c *Client) Delete(ctx context.Context, raw string) error {
	return c.do(ctx, newCommand("DELETE").mailbox(raw))
}

// Subscribe subscribes to a mailbox.
func (c *Client) Subscribe(ctx context.Context, raw string) error {
	return c.do(ctx, newCommand("SUBSCRIBE").mailbox(raw))
}

// Unsubscribe ends the subscription to a mailbox.
func (c *Client) Unsubscribe(ctx context.Context, raw string) error {
	return c.do(ctx, newCommand("UNSUBSCRIBE").mailbox(raw))
}

// Store adds flags to messages. With the sign "-" it removes them, and with none it replaces the messages' flags.
func (m *Mailbox) Store(ctx context.Context, uids mail.UIDSet, sign string, flags []string) error {
	return m.c.do(ctx, newCommand("UID STORE").raw(" "+uids.String()+" "+sign+"FLAGS.SILENT ("+strings.Join(flags, " ")+")"))
}

// Expunge removes those of the messages that are marked as deleted (UIDPLUS, RFC 4315 section 2.1).
func (m *Mailbox) Expunge(ctx context.Context, uids mail.UIDSet) error {
	return m.c.do(ctx, newCommand("UID EXPUNGE").raw(" "+uids.String()))
}
