package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/repo"
)

// known returns the accounts that the repository holds, by the URLs of their newest manifests, so that a second backup
// needs no URL.
func (c *backupCommand) known(ctx context.Context, p *program) ([]*account, error) {
	nothing := &usageError{text: "no account is named, and none is configured", hint: "name one: --imap imaps://user@host; or see docs/config.md"}
	if len(c.Account) > 0 {
		nothing.text = "the configuration has no account " + quoted(c.Account[0])
	}
	r, err := p.open(ctx)
	if errors.Is(err, repo.ErrNoRepository) {
		return nil, nothing
	}
	if err != nil {
		return nil, fmt.Errorf("look for the accounts that the repository holds, because none is named: %w", err)
	}
	defer r.Close()
	newest, err := archive.Latest(ctx, r)
	if err != nil {
		return nil, err
	}
	var accounts []*account
	for _, contents := range newest {
		a, err := parseAccount(contents.Manifest.Source)
		if err != nil {
			continue
		}
		a.name = contents.Manifest.Account
		accounts = append(accounts, a)
	}
	slices.SortFunc(accounts, func(a, b *account) int { return cmp.Compare(a.name, b.name) })
	switch {
	case len(accounts) == 0:
		return nil, nothing
	case len(accounts) > 1 && len(c.Account) == 0:
		nothing.hint = "name those to archive: mailstrata backup " + shellWord(accounts[0].name) + " …; mailstrata list --latest shows all"
		return nil, nothing
	case len(c.Account) == 0:
		p.note("note: archiving %s (%s), the only account of this repository", safe(accounts[0].name), safe(accounts[0].url))
	}
	return c.only(accounts, "neither the configuration nor the repository has an account ")
}
