package imap

import (
	"context"

	"github.com/mailstrata/mailstrata/imap/internal/properties"
	"github.com/mailstrata/mailstrata/imap/internal/wire"
	"github.com/mailstrata/mailstrata/mail"
)

// Quotas returns the quotas of the roots of mailboxes (RFC 9208), which are given by raw name, each root once. It returns nil if the server
// does not support that. Commands are sent without waiting for answers, as those of Properties are.
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
	err := p.inWindow(func(yield func(*Command, string) bool) {
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

// Quotas implements source.QuotaSource.
func (s *Source) Quotas(ctx context.Context, mailboxes []string) (all []mail.Quota, err error) {
	err = s.withRetry(ctx, func(c *Client) error {
		all, err = c.Quotas(ctx, mailboxes)
		return err
	})
	return all, err
}
