package imap

import (
	"context"
	"time"

	"github.com/mailstrata/mailstrata/mail"
)

// Client is a connection that is logged in to an account. It is used by one goroutine at a time.
type Client struct {
	*conn

	spaces    []mail.Namespace // the server's answer, once asked for
	asked     bool             // spaces is that answer
	flags     flagCache
	plain     bool      // ask for no attributes of extensions: the server answered BAD to them
	plainList bool      // use no extended LIST: the server refused it
	idleSince time.Time // when the pool got it back
}

// Alive reports whether the connection accepts commands.
func (c *Client) Alive() bool { return c.dead == nil }

// Has reports whether the server offers a capability, by its own name or as part of IMAP4rev2.
func (c *Client) Has(capability string) bool { return c.caps.has(capability) }

// Noop lets the server report changes (RFC 9051 section 6.1.2).
func (c *Client) Noop(ctx context.Context) error { return c.do(ctx, newCommand("NOOP")) }

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
