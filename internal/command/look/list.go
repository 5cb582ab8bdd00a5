package look

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/named"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/internal/day"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/job"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo"
)

// List lists manifests.
type List struct {
	Account string `arg:"" optional:"" help:"Only the manifests of this account."`
	Of      string `name:"account" placeholder:"NAME" help:"Likewise."`
	Since   string `xor:"latest" placeholder:"DATE" help:"Only manifests of this date or later: 2026-03-13, friday, 2w."`
	Latest  bool   `xor:"latest" help:"Show only the newest manifest of each account, and its last good night: the last one without failures and alarms. The account with the oldest one comes first. Earlier manifests are not read."`

	alarms map[string][]string // of the manifests that were read, by their ids
}

// ListsManifests implements cli.Lister.
func (*List) ListsManifests() {}

func (*List) Help() string {
	return `Lists manifests, the newest first: id, account, time, age, number and size of the messages, how many were new in that run, and remarks. "mailstrata show" explains a remark.

A manifest is "belated" if the store got it long after its time: it is a copy or a repair, or somebody dated it back. A manifest whose time cannot be true is misdated: it is not listed, a warning names it, and mailstrata ignores it.

A manifest "lacks mail" if it has far fewer messages than the one before it, and no alarm says so. It may have been written with a stolen writer's key. mailstrata names it until you run mailstrata forget --acknowledge.

EXAMPLES

    mailstrata list
    mailstrata list anna@mail.example
    mailstrata list --since 2w
    mailstrata list --latest
    mailstrata list --json | jq -r 'select(.failures > 0).id'

EXIT STATUS

0 done; 1 failed; 2 invalid command line; 3 done, but some manifests could not be read, are misdated, or are gone; 130 interrupted.`
}

func (c *List) Run(ctx context.Context, p *cli.Program, r *repo.Repo) error {
	if c.Account != "" && c.Of != "" && c.Account != c.Of {
		return hint.Usagef("name one account")
	}
	c.Account, c.alarms = cmp.Or(c.Account, c.Of), make(map[string][]string)
	since, ok := day.Parse(c.Since, time.Now())
	if c.Since != "" && !ok {
		return hint.Usagef("--since: %s is not a date such as %s", ui.Quote(c.Since), day.Forms)
	}
	found, accounts, unread, err := c.collect(ctx, p, r)
	if err != nil {
		return err
	}
	switch {
	case len(found) > 0 || unread > 0:
	case c.Account != "" && len(accounts) > 0:
		return named.NoAccount(c.Account, accounts)
	default:
		if vanished, err := summary.Vanished(ctx, r); vanished != "" || err != nil {
			return cmp.Or(err, cli.Partial(vanished))
		}
		p.Note("there are no manifests yet; mailstrata backup creates one")
	}
	if c.Since != "" {
		all := len(found)
		found = slices.DeleteFunc(found, func(s summary.Manifest) bool { return s.Time.Before(since.From) })
		if len(found) == 0 && all > 0 {
			p.Note("there are no manifests since %s; mailstrata list shows %s before",
				ui.Time(since.From), ui.Count(int64(all)))
		}
	}
	p.Page()
	if c.Latest {
		err = c.showLatest(ctx, p, r, found)
	} else {
		err = printList(p, found)
	}
	if err != nil {
		return err
	}
	if len(accounts) > named.MaxAccounts && c.Account == "" && !c.Latest && !p.JSON {
		p.Note("note: mailstrata list --latest shows one line for each of the %s", ui.Plural(len(accounts), "account"))
	}
	if unread > 0 {
		return cli.Partial(ui.Plural(unread, "manifest") + " could not be read, or cannot be trusted")
	}
	return nil
}

// collect returns the manifests, the newest first, and the names of all accounts. It warns of
// manifests that cannot be read, and counts them.
func (c *List) collect(
	ctx context.Context, p *cli.Program, r *repo.Repo,
) (found []summary.Manifest, accounts []string, unread int, err error) {
	var heads []repo.Head
	var histories archive.Histories
	manifests := archive.Manifests(ctx, r)
	if c.Latest {
		manifests = archive.Recent(ctx, r, job.Limits(p.Host, nil))
	}
	for s, err := range manifests {
		if last := len(accounts) - 1; err == nil && (last < 0 || accounts[last] != s.Manifest.Account) { // they come by account
			accounts = append(accounts, s.Manifest.Account)
		}
		switch {
		case ctx.Err() != nil:
			return nil, nil, 0, context.Cause(ctx)
		case err != nil && s.Head.Name == "":
			return nil, nil, 0, fmt.Errorf("list the manifests: %w", err)
		case err != nil:
			p.Warn("manifest %s of %s: %s", summary.ShortID(s.Head), ui.Time(s.Head.Time), ui.OneLine(err.Error()))
			unread++
		case c.Account == "" || c.Account == s.Manifest.Account:
			found = append(found, summary.OfManifest(s.Head, s.Manifest))
			if len(s.Manifest.Alarm) > 0 {
				c.alarms[summary.ID(s.Head)] = s.Manifest.Alarm
			}
			heads = append(heads, s.Head)
			histories.Add(s)
		}
	}
	lost, err := unreported(ctx, p, r, &histories)
	if err != nil {
		return nil, nil, 0, err
	}
	if err := setAcknowledged(ctx, r, found, heads); err != nil {
		return nil, nil, 0, err
	}
	belated, err := archive.BelatedAmong(ctx, r, heads)
	if err != nil {
		return nil, nil, 0, err
	}
	for i := range found {
		found[i].Belated, found[i].Lost = belated[heads[i].Name], lost[heads[i].Name]
	}
	slices.SortStableFunc(found, func(a, b summary.Manifest) int { return b.Time.Compare(a.Time) })
	slices.Sort(accounts)
	return found, accounts, unread, nil
}

// setAcknowledged says of which manifests with alarms somebody acknowledged them. It reads tags
// only if there are any alarms.
func setAcknowledged(ctx context.Context, r *repo.Repo, found []summary.Manifest, heads []repo.Head) error {
	if !slices.ContainsFunc(found, func(s summary.Manifest) bool { return s.Alarms > 0 }) {
		return nil
	}
	tags, _, err := r.ReadableTags(ctx) // an acknowledgement that cannot be read does not count
	for i := range found {
		found[i].Acknowledged = found[i].Alarms > 0 && slices.Contains(tags[heads[i].Name], history.TagAcknowledged)
	}
	return err
}

// unreported names the manifests that lack mail and have no alarm. It returns what each lost, by
// its name.
func unreported(
	ctx context.Context, p *cli.Program, r *repo.Repo, histories *archive.Histories,
) (lost map[string][]string, err error) {
	found, err := histories.Shrunk(ctx, r, job.Limits(p.Host, nil))
	if archive.IsDamage(err) && ctx.Err() == nil { // mailstrata check reports the damage
		p.Warn("the manifests could not be compared: %s", ui.OneLine(err.Error()))
		return nil, nil
	}
	lost = make(map[string][]string)
	for _, u := range found {
		p.Alarm("%s: %s", ui.Safe(u.Account), ui.OneLine(u.String()))
		lost[u.Head.Name] = u.Lost
	}
	return lost, err
}

// printList writes one line for each manifest.
func printList(p *cli.Program, manifests []summary.Manifest) error {
	if p.JSON {
		return ui.PrintLines(p.Output, manifests)
	}
	summary.PrintManifests(p.Output, manifests, true)
	return nil
}

// latestSummary describes the newest manifest of an account, and its last good night, in JSON.
type latestSummary struct {
	summary.Manifest
	LastGood       time.Time `json:"last_good,omitzero"`       // complete, without failures and alarms; zero if no night was
	Unacknowledged []string  `json:"unacknowledged,omitempty"` // alarms of any night
}

// remarks returns what is wrong with an account, in a few words.
func (s *latestSummary) remarks() string {
	words := s.Remarks()
	if n := len(s.Unacknowledged); n > 0 && (s.Alarms == 0 || s.Acknowledged) {
		words = strings.TrimPrefix(words+", "+ui.Plural(n, "alarm")+" not acknowledged", ", ")
	}
	return words
}

// showLatest prints the newest manifest of each account, with the alarms of any night.
func (c *List) showLatest(ctx context.Context, p *cli.Program, r *repo.Repo, found []summary.Manifest) error {
	newest := latestOfEach(found)
	standing, damage, err := archive.StandingAlarms(ctx, r)
	if err != nil {
		return err
	}
	for _, err := range damage {
		p.Warn("an alarm cannot be read: %s", ui.OneLine(err.Error()))
	}
	listed := make(map[string]bool)
	add := func(account string, alarms []string) {
		n := slices.IndexFunc(newest, func(s latestSummary) bool { return s.Account == account })
		if n >= 0 {
			newest[n].Unacknowledged = append(newest[n].Unacknowledged, alarms...)
		}
	}
	for _, alarming := range standing {
		listed[summary.ID(alarming.Head)] = true
		add(alarming.Manifest.Account, alarming.Manifest.Alarm)
	}
	for _, s := range found { // programs before December 2026 listed no alarms
		if s.State == manifest.Complete.String() && !s.Acknowledged && !listed[s.ID] {
			add(s.Account, c.alarms[s.ID])
		}
	}
	return printLatest(p, newest)
}

// latestOfEach returns the newest manifest of each account, the one with the oldest last good night
// first. Its argument is sorted, the newest first.
func latestOfEach(all []summary.Manifest) []latestSummary {
	var newest []latestSummary
	at := make(map[string]int)
	for i := range all {
		s := &all[i]
		n, seen := at[s.Account]
		if !seen {
			n = len(newest)
			at[s.Account] = n
			newest = append(newest, latestSummary{Manifest: *s})
		}
		if good := s.State == manifest.Complete.String() && s.Failures == 0 && s.Alarms == 0 &&
			len(s.Lost) == 0; good && newest[n].LastGood.IsZero() {
			newest[n].LastGood = s.Time
		}
	}
	slices.SortStableFunc(newest, func(a, b latestSummary) int {
		return cmp.Or(ui.CompareTimes(a.LastGood, b.LastGood), cmp.Compare(a.Account, b.Account))
	})
	return newest
}

// printLatest writes one line for each account.
func printLatest(p *cli.Program, newest []latestSummary) error {
	if p.JSON {
		return ui.PrintLines(p.Output, newest)
	}
	if len(newest) == 0 {
		return nil
	}
	t := p.Table("ACCOUNT", "LAST GOOD",
		"AGE", "ID", "TIME", "MESSAGES", "    SIZE", "REMARKS").Optional("SIZE", "TIME", "MESSAGES").Folded()
	defer t.Flush()
	for i := range newest {
		s := &newest[i]
		good := cmp.Or(ui.Time(s.LastGood), "never")
		color := s.Color()
		if len(s.Unacknowledged) > 0 {
			color = ui.Red
		}
		t.ColoredRow(color, s.Account, good, ui.Ago(s.LastGood), s.ID[:8], ui.Time(s.Time),
			ui.Right(ui.Count(s.Messages), "MESSAGES"), ui.Right(ui.Size(s.Bytes), "    SIZE"), s.remarks())
	}
	return nil
}
