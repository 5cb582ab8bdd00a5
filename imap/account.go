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
func (c *Client) Quota(ctx context.Context) ([]mail.Quota, error) {
	var quota []mail.Quota
	var held memoryCount
	cmd := newCommand("GETQUOTAROOT").mailbox("INBOX")
	if !c.caps.has("QUOTA") || c.opts.quirks.avoids(cmd.name) {
		return nil, nil
	}
	cmd.data = func(resp *wire.Response) (bool, error) {
		if resp.Name != "QUOTA" || len(resp.Args) < 2 {
			return resp.Name == "QUOTAROOT", nil
		}
		triples := resp.Args[1].List
		if held.add(memoryOf(resp.Args[1].Words()), "quotas") != nil || len(quota) > maxQuotas {
			return false, wire.Flood("more than %d quotas", maxQuotas)
		}
		for i := 0; i+2 < len(triples); i += 3 {
			usage, ok := triples[i+1].Number()
			limit, ok2 := triples[i+2].Number()
			if ok && ok2 {
				quota = append(quota, mail.Quota{Root: string(resp.Args[0].Text), Resource: string(triples[i].Text),
					Usage: usage, Limit: limit})
			}
		}
		return true, nil
	}
	return quota, c.do(ctx, cmd)
}

// maxQuotas is far more than an account has.
const maxQuotas = 1000
