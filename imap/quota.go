package imap

import (
	"context"

	"github.com/mailstrata/mailstrata/imap/internal/wire"
	"github.com/mailstrata/mailstrata/mail"
)

// maxQuotas is far more than an account has.
const maxQuotas = 1000

// Quota asks for the limits and the usage of the account (RFC 9208). It returns nil if the server does not support that.
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
				quota = append(quota, mail.Quota{Root: string(resp.Args[0].Text), Resource: string(triples[i].Text), Usage: usage, Limit: limit})
			}
		}
		return true, nil
	}
	return quota, c.do(ctx, cmd)
}
