package imap

import (
	"context"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/imap/internal/wire"
	"github.com/mailstrata/mailstrata/mail"
)

// Client is a connection that is logged in to an account. It is used by one goroutine at a time.
type Client struct {
	*Conn

	mailbox   *Mailbox         // that is open, or being opened; nil: none
	spaces    []mail.Namespace // the server's answer, once asked for
	asked     bool             // spaces is that answer
	flags     flagCache
	plain     bool      // ask for no attributes of extensions: the server answered BAD to them
	plainList bool      // use no extended LIST: the server refused it
	idleSince time.Time // when the pool got it back
}

// Dial connects and logs in, and waits until the connection accepts commands.
func Dial(ctx context.Context, opts *Options) (*Client, error) {
	conn, err := NewDialer(*opts).Dial(ctx, true)
	if err != nil {
		return nil, err
	}
	defer conn.CloseOnDone(ctx)()
	if err := conn.Introduced(); err != nil {
		return nil, conn.OrCause(ctx, err)
	}
	return newClient(conn), nil
}

func newClient(conn *Conn) *Client {
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
func (c *Client) Noop(ctx context.Context) error { return c.Do(ctx, NewCommand("NOOP")) }

// Create makes a mailbox, with a special use unless that is "" (RFC 6154 section 3).
func (c *Client) Create(ctx context.Context, raw, specialUse string) error {
	cmd := NewCommand("CREATE").Mailbox(raw)
	if specialUse != "" {
		cmd.Raw(" (USE (" + specialUse + "))")
	}
	return c.Do(ctx, cmd)
}

// Delete removes a mailbox with all its messages.
func (c *Client) Delete(ctx context.Context, raw string) error {
	return c.Do(ctx, NewCommand("DELETE").Mailbox(raw))
}

// Subscribe subscribes to a mailbox.
func (c *Client) Subscribe(ctx context.Context, raw string) error {
	return c.Do(ctx, NewCommand("SUBSCRIBE").Mailbox(raw))
}

// Unsubscribe ends the subscription to a mailbox.
func (c *Client) Unsubscribe(ctx context.Context, raw string) error {
	return c.Do(ctx, NewCommand("UNSUBSCRIBE").Mailbox(raw))
}

// Namespaces asks for the namespaces (RFC 2342). It returns nil if the server does not support that.
func (c *Client) Namespaces(ctx context.Context) ([]mail.Namespace, error) {
	cmd := c.namespaceCommand()
	if cmd == nil {
		return c.spaces, nil
	}
	err := c.Do(ctx, cmd)
	c.asked = err == nil
	return c.spaces, err
}

// namespaceCommand returns the command that sets c.spaces, or nil if that is not to be sent.
func (c *Client) namespaceCommand() *Command {
	if !c.Has("NAMESPACE") || c.asked || c.Avoids("NAMESPACE") {
		return nil
	}
	c.spaces = nil
	cmd := NewCommand("NAMESPACE")
	cmd.OnResponse = func(resp *wire.Response) (bool, error) {
		if resp.Name != "NAMESPACE" {
			return false, nil
		}
		first := c.spaces == nil
		c.spaces = nil
		for i, kind := range []mail.NamespaceKind{mail.Personal, mail.OtherUsers, mail.Shared} {
			if i < len(resp.Args) {
				c.spaces = append(c.spaces, namespaces(kind, resp.Args[i].List)...)
			}
		}
		return first, nil
	}
	return cmd
}

func namespaces(kind mail.NamespaceKind, list []wire.Node) (spaces []mail.Namespace) {
	for _, n := range list {
		if len(n.List) >= 2 && n.List[0].IsText() {
			spaces = append(spaces, mail.Namespace{Kind: kind, Prefix: string(n.List[0].Text),
				Delimiter: string(n.List[1].Bytes())})
		}
	}
	return spaces
}

// namespaceOf returns the namespace of a mailbox: the one with the longest matching prefix. INBOX is in no namespace,
// and neither is any mailbox of a server that lists no namespaces.
func namespaceOf(raw string, spaces []mail.Namespace) (best mail.Namespace, found bool) {
	if strings.EqualFold(raw, "INBOX") {
		return best, false
	}
	for _, space := range spaces {
		root := strings.TrimSuffix(space.Prefix, space.Delimiter)
		if (strings.HasPrefix(raw, space.Prefix) || raw == root) && (!found || len(space.Prefix) > len(best.Prefix)) {
			best, found = space, true
		}
	}
	return best, found
}

// Quota asks for the limits and the usage of the account (RFC 9208). It returns nil if the server does not support
// that.
func (c *Client) Quota(ctx context.Context) (quota []mail.Quota, err error) {
	cmd := c.quotaCommand(&quota)
	if cmd == nil {
		return nil, nil
	}
	err = c.Do(ctx, cmd)
	return quota, err
}

// quotaCommand returns the command that sets quota, or nil if that is not to be sent.
func (c *Client) quotaCommand(quota *[]mail.Quota) *Command {
	cmd := quotaRoots("INBOX", quota, new(memoryCount))
	if !c.Has("QUOTA") || c.Avoids(cmd.Name) {
		return nil
	}
	return cmd
}

// quotaRoots returns the command that adds the quotas of the roots of a mailbox.
func quotaRoots(raw string, quota *[]mail.Quota, held *memoryCount) *Command {
	cmd := NewCommand("GETQUOTAROOT").Mailbox(raw)
	cmd.OnResponse = func(resp *wire.Response) (bool, error) {
		if resp.Name != "QUOTA" || len(resp.Args) < 2 {
			return resp.Name == "QUOTAROOT", nil
		}
		triples := resp.Args[1].List
		if held.add(memoryOf(resp.Args[1].Words()), "quotas") != nil || len(*quota) > maxQuotas {
			return false, wire.Flood("more than %d quotas", maxQuotas)
		}
		for i := 0; i+2 < len(triples); i += 3 {
			usage, ok := triples[i+1].Number()
			limit, ok2 := triples[i+2].Number()
			if ok && ok2 {
				*quota = append(*quota, mail.Quota{Root: string(resp.Args[0].Text), Resource: string(triples[i].Text),
					Usage: usage, Limit: limit})
			}
		}
		return true, nil
	}
	return cmd
}

// maxQuotas is far more than an account has.
const maxQuotas = 1000
