package imapclient

import (
	"context"
	"time"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/imap/internal/wire"
	"github.com/mailstrata/mailstrata/mail"
)

// Client is a connection that is logged in to an account. It is used by one goroutine at a time.
type Client struct {
	*imap.Conn

	mailbox   *Mailbox         // that is open, or being opened; nil: none
	spaces    []mail.Namespace // the server's answer, once asked for
	asked     bool             // spaces is that answer
	flags     flagCache
	plain     bool      // ask for no attributes of extensions: the server answered BAD to them
	plainList bool      // use no extended LIST: the server refused it
	idleSince time.Time // when the pool got it back
}

// Dial connects and logs in, and waits until the connection accepts commands.
func Dial(ctx context.Context, opts *imap.Options) (*Client, error) {
	conn, err := imap.NewDialer(*opts).Dial(ctx, true)
	if err != nil {
		return nil, err
	}
	defer conn.CloseOnDone(ctx)()
	if err := conn.Introduced(); err != nil {
		return nil, conn.OrCause(ctx, err)
	}
	return newClient(conn), nil
}

func newClient(conn *imap.Conn) *Client {
	c := &Client{Conn: conn}
	conn.Observe(c.observe)
	return c
}

// observe follows what the server reports of the open mailbox at any time.
func (c *Client) observe(resp *wire.Response) {
	if c.mailbox != nil {
		c.mailbox.observe(resp)
	}
}

// Noop lets the server report changes (RFC 9051 section 6.1.2).
func (c *Client) Noop(ctx context.Context) error { return c.Do(ctx, imap.NewCommand("NOOP")) }

// Create makes a mailbox, with a special use unless that is "" (RFC 6154 section 3).
func (c *Client) Create(ctx context.Context, raw, specialUse string) error {
	cmd := imap.NewCommand("CREATE").Mailbox(raw)
	if specialUse != "" {
		cmd.Raw(" (USE (" + specialUse + "))")
	}
	return c.Do(ctx, cmd)
}

// Delete removes a mailbox with all its messages.
func (c *Client) Delete(ctx context.Context, raw string) error {
	return c.Do(ctx, imap.NewCommand("DELETE").Mailbox(raw))
}

// Subscribe subscribes to a mailbox.
func (c *Client) Subscribe(ctx context.Context, raw string) error {
	return c.Do(ctx, imap.NewCommand("SUBSCRIBE").Mailbox(raw))
}

// Unsubscribe ends the subscription to a mailbox.
func (c *Client) Unsubscribe(ctx context.Context, raw string) error {
	return c.Do(ctx, imap.NewCommand("UNSUBSCRIBE").Mailbox(raw))
}
