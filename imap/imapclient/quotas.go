package imapclient

import (
	"context"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/imap/internal/properties"
	"github.com/mailstrata/mailstrata/imap/internal/wire"
	"github.com/mailstrata/mailstrata/mail"
)

// Quota asks for the limits and the usage of the account (RFC 9208). It returns nil if the server
// does not support that.
func (c *Client) Quota(ctx context.Context) (quota []mail.Quota, err error) {
	cmd := c.quotaCommand(&quota)
	if cmd == nil {
		return nil, nil
	}
	err = c.Do(ctx, cmd)
	return quota, err
}

// quotaCommand returns the command that sets quota, or nil if that is not to be sent.
func (c *Client) quotaCommand(quota *[]mail.Quota) *imap.Command {
	cmd := quotaRoots("INBOX", quota, new(memoryCount))
	if !c.Has("QUOTA") || c.Avoids(cmd.Name) {
		return nil
	}
	return cmd
}

// quotaRoots returns the command that adds the quotas of the roots of a mailbox.
func quotaRoots(raw string, quota *[]mail.Quota, held *memoryCount) *imap.Command {
	cmd := imap.NewCommand("GETQUOTAROOT").Mailbox(raw).Optional()
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

// Quotas returns the quotas of the roots of mailboxes (RFC 9208), which are given by raw name, each
// root once. It returns nil if the server does not support that. Commands are sent without waiting
// for answers, as those of Properties are.
func (c *Client) Quotas(ctx context.Context, mailboxes []string) ([]mail.Quota, error) {
	defer c.CloseOnDone(ctx)()
	if err := c.Introduced(); err != nil {
		return nil, c.OrCause(ctx, err)
	}
	if !c.Has("QUOTA") {
		return nil, nil
	}
	var all []mail.Quota
	var held memoryCount
	p := propertiesQuestion{Client: c, answers: properties.New(nil, c.names().key)}
	err := p.inWindow(func(yield func(*imap.Command, string) bool) {
		for _, raw := range mailboxes {
			cmd := quotaRoots(raw, &all, &held)
			take := cmd.OnResponse
			cmd.OnResponse = func(resp *wire.Response) (bool, error) {
				if resp.Name == "QUOTA" && len(resp.Args) > 0 && mail.HasQuota(all, string(resp.Args[0].Text)) {
					return true, nil
				}
				return take(resp)
			}
			if !yield(cmd, raw) {
				return
			}
		}
	})
	if err != nil {
		return nil, c.OrCause(ctx, err)
	}
	return all, nil
}
