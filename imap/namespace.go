package imap

import (
	"context"
	"strings"

	"github.com/mailstrata/mailstrata/imap/internal/wire"
	"github.com/mailstrata/mailstrata/mail"
)

// Namespaces asks for the namespaces (RFC 2342). It returns nil if the server does not support that.
func (c *Client) Namespaces(ctx context.Context) ([]mail.Namespace, error) {
	if !c.caps.has("NAMESPACE") || c.asked || c.opts.quirks.avoids("NAMESPACE") {
		return c.spaces, nil
	}
	var spaces []mail.Namespace
	cmd := newCommand("NAMESPACE")
	cmd.data = func(resp *wire.Response) (bool, error) {
		if resp.Name != "NAMESPACE" {
			return false, nil
		}
		first := spaces == nil
		spaces = nil
		for i, kind := range []mail.NamespaceKind{mail.Personal, mail.OtherUsers, mail.Shared} {
			if i < len(resp.Args) {
				spaces = append(spaces, namespaces(kind, resp.Args[i].List)...)
			}
		}
		return first, nil
	}
	err := c.do(ctx, cmd)
	c.spaces, c.asked = spaces, err == nil
	return spaces, err
}

func namespaces(kind mail.NamespaceKind, list []wire.Node) (spaces []mail.Namespace) {
	for _, n := range list {
		if len(n.List) >= 2 && n.List[0].IsText() {
			spaces = append(spaces, mail.Namespace{Kind: kind, Prefix: string(n.List[0].Text), Delimiter: string(n.List[1].Bytes())})
		}
	}
	return spaces
}

// namespaceOf returns the namespace of a mailbox: the one with the longest matching prefix. INBOX is in no namespace, and
// neither is any mailbox of a server that lists no namespaces.
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
