package imapclient

import (
	"context"
	"strings"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/imap/internal/wire"
	"github.com/mailstrata/mailstrata/mail"
)

// Server asks for what the server reports of itself and of the account.
func (c *Client) Server(ctx context.Context) (server mail.Server, err error) {
	defer c.CloseOnDone(ctx)()
	if err := c.Introduced(); err != nil {
		return mail.Server{}, c.OrCause(ctx, err)
	}
	server = mail.Server{ID: c.ID(), Capabilities: c.Capabilities()}
	if server.Namespaces, err = c.Namespaces(ctx); err != nil && !c.Alive() {
		return mail.Server{}, err
	}
	if server.Quota, err = c.Quota(ctx); err != nil && !c.Alive() {
		return mail.Server{}, err
	}
	return server, nil
}

// ServerAndSurvey is Server and Survey with all questions sent together. If only the survey fails,
// it is nil.
func (c *Client) ServerAndSurvey(
	ctx context.Context, named []string,
) (server mail.Server, survey *mail.Survey, err error) {
	defer c.CloseOnDone(ctx)()
	var quota []mail.Quota
	asked := c.quotaCommand(&quota)
	if err := c.StartAll(asked); err != nil {
		return mail.Server{}, nil, c.OrCause(ctx, err)
	}
	if survey, err = c.Survey(ctx, named); err != nil {
		if survey = nil; !c.Alive() {
			return mail.Server{}, nil, err
		}
	}
	if asked != nil {
		if err := c.Wait(asked); !c.Alive() {
			return mail.Server{}, nil, c.OrCause(ctx, err)
		}
	}
	server = mail.Server{ID: c.ID(), Capabilities: c.Capabilities(), Namespaces: c.spaces, Quota: quota}
	return server, survey, nil
}

// Namespaces asks for the namespaces (RFC 2342). It returns nil if the server does not support
// that.
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
func (c *Client) namespaceCommand() *imap.Command {
	if !c.Has("NAMESPACE") || c.asked || c.Avoids("NAMESPACE") {
		return nil
	}
	c.spaces = nil
	cmd := imap.NewCommand("NAMESPACE").Optional()
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

// namespaceOf returns the namespace of a mailbox: the one with the longest matching prefix. INBOX
// is in no namespace, and neither is any mailbox of a server that lists no namespaces.
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
