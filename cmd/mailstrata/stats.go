package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/repo"
)

type statsCommand struct{}

func (*statsCommand) Help() string {
	return `What the objects of each kind take: data holds mail, catalog what is recorded of it, index where each piece lies. Then each account: how much its newest manifest holds, and how much was archived in all its runs together. The ratio is what is stored to what was archived.

EXAMPLES

    mailstrata stats
    mailstrata stats --json | jq .ratio

JSON: one object with objects (kind, objects, bytes), accounts (account, manifests, messages, bytes, archived_messages, archived_bytes), stored_bytes, archived_messages, archived_bytes, ratio.

EXIT STATUS

0 done; 1 failed; 2 the command line makes no sense; 3 done, but some manifests could not be read; 130 interrupted.`
}

// kindUsage is what the objects of a kind take, as JSON.
type kindUsage struct {
	Kind    string `json:"kind"`
	Objects int64  `json:"objects"`
	Bytes   int64  `json:"bytes"`
}

// accountUsage is an account in its newest manifest, and in all its runs, as JSON.
type accountUsage struct {
	Account          string `json:"account"`
	Manifests        int64  `json:"manifests"`
	Messages         int64  `json:"messages"`
	Bytes            int64  `json:"bytes"`
	ArchivedMessages int64  `json:"archived_messages"`
	ArchivedBytes    int64  `json:"archived_bytes"`
}

// usageSummary is all of it, as JSON.
type usageSummary struct {
	Objects          []kindUsage    `json:"objects"`
	Accounts         []accountUsage `json:"accounts"`
	StoredBytes      int64          `json:"stored_bytes"`
	ArchivedMessages int64          `json:"archived_messages"`
	ArchivedBytes    int64          `json:"archived_bytes"`
	Ratio            float64        `json:"ratio"`

	unread int
}

func (c *statsCommand) Run(ctx context.Context, p *program) error {
	r, err := p.open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	u := &usageSummary{Objects: []kindUsage{}, Accounts: []accountUsage{}}
	if err := u.addObjects(ctx, r); err != nil {
		return err
	}
	if err := u.addAccounts(ctx, p, r); err != nil {
		return err
	}
	if u.ArchivedBytes > 0 {
		u.Ratio = float64(u.StoredBytes) / float64(u.ArchivedBytes)
	}
	if p.flags.JSON {
		err = p.printJSON(u)
	} else {
		u.print(p)
	}
	if err == nil && u.unread > 0 {
		err = &outcome{statusPartial, plural(u.unread, "manifest") + " could not be read"}
	}
	return err
}

func (u *usageSummary) addObjects(ctx context.Context, r *repo.Repo) error {
	usage, err := r.Usage(ctx)
	if err != nil {
		return err
	}
	for _, kind := range slices.Sorted(maps.Keys(usage)) {
		u.Objects = append(u.Objects, kindUsage{string(kind), usage[kind].Objects, usage[kind].Bytes})
		u.StoredBytes += usage[kind].Bytes
	}
	slices.SortStableFunc(u.Objects, func(a, b kindUsage) int { return cmp.Compare(b.Bytes, a.Bytes) })
	return nil
}

// addAccounts adds up what the manifests say of themselves. The manifests of an account come newest first.
func (u *usageSummary) addAccounts(ctx context.Context, p *program, r *repo.Repo) error {
	accounts := make(map[string]*accountUsage)
	for s, err := range archive.Manifests(ctx, r) {
		if err != nil && (s.Head.Name == "" || ctx.Err() != nil) {
			return fmt.Errorf("list the manifests: %w", err)
		}
		if err != nil {
			p.warn("manifest %s: %s", shortID(s.Head), oneLine(err.Error()))
			u.unread++
			continue
		}
		totals := s.Manifest.Totals
		a := accounts[s.Manifest.Account]
		if a == nil {
			a = &accountUsage{Account: s.Manifest.Account, Messages: totals.Messages, Bytes: totals.Bytes}
			accounts[a.Account] = a
		}
		a.Manifests++
		a.ArchivedMessages += totals.NewMessages
		a.ArchivedBytes += totals.NewBytes
	}
	for _, name := range slices.Sorted(maps.Keys(accounts)) {
		u.Accounts = append(u.Accounts, *accounts[name])
		u.ArchivedMessages += accounts[name].ArchivedMessages
		u.ArchivedBytes += accounts[name].ArchivedBytes
	}
	return nil
}

func (u *usageSummary) print(p *program) {
	kinds := p.table("KIND", "OBJECTS", "  STORED")
	for _, k := range u.Objects {
		kinds.row(k.Kind, right(count(k.Objects), "OBJECTS"), right(size(k.Bytes), "  STORED"))
	}
	kinds.close()
	p.printf("")
	accounts := p.table("ACCOUNT", "MANIFESTS", "MESSAGES NOW", "    SIZE", "EVER ARCHIVED", "    SIZE")
	for _, a := range u.Accounts {
		accounts.row(a.Account, right(count(a.Manifests), "MANIFESTS"), right(count(a.Messages), "MESSAGES NOW"), right(size(a.Bytes), "    SIZE"),
			right(count(a.ArchivedMessages), "EVER ARCHIVED"), right(size(a.ArchivedBytes), "    SIZE"))
	}
	accounts.close()
	p.printf("")
	p.printf("%s stored for %s archived: %s", size(u.StoredBytes), size(u.ArchivedBytes), ratio(u.StoredBytes, u.ArchivedBytes))
}
