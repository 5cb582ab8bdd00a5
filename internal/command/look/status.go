package look

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/archive/health"
	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/job"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo"
)

// Status shows which accounts need a look.
type Status struct {
	MaxAge string `default:"2d" placeholder:"SPAN" help:"How old the last good night of an account may be, such as 2d or 36h."`
	All    bool   `help:"List every account, also the good ones among many."`
}

func (*Status) Help() string {
	return `Shows what needs a look: accounts whose last good night is too old, alarms that are not acknowledged, messages that could not be read, and accounts of the configuration that were never archived. Of up to 20 accounts it lists all, and of more only these. It covers all repositories of the configuration, or the one of --repo, and says when a rolling check (check --read-data-within) last read mail there.

A good night is complete, and has no failures and no alarms. Only the newest manifests of each account are read. A writer's key is enough.

EXAMPLES

    mailstrata status
    mailstrata status --max-age 36h --quiet || mail -s "mail is not archived" root </dev/null
    mailstrata status --json | jq -r 'select(.needs) | .account'

EXIT STATUS

0 all accounts are fine; 1 failed; 2 invalid command line; 3 an account is late, has failures or was never archived, or manifests cannot be read; 4 an account has alarms, or lacks mail; 130 interrupted.`
}

// goodListed is the number of accounts of which status lists all.
const goodListed = 20

// accountStatus is how an account is doing, as JSON.
type accountStatus struct {
	Account     string    `json:"account"`
	Repository  string    `json:"repository"`
	LastGood    time.Time `json:"last_good,omitzero"`
	Newest      time.Time `json:"newest,omitzero"`
	ID          string    `json:"id,omitempty"` // of the newest manifest
	Messages    int64     `json:"messages"`
	Bytes       int64     `json:"bytes"`
	NewMessages int64     `json:"new_messages"` // of the newest manifest
	NewBytes    int64     `json:"new_bytes"`
	Failures    int64     `json:"failures"`
	Alarms      []string  `json:"alarms,omitempty"`
	Lost        []string  `json:"lost,omitempty"`
	Unreadable  int       `json:"unreadable,omitempty"` // recent manifests that cannot be read
	Needs       []string  `json:"needs,omitempty"`      // why it needs a look; the worst first
}

// status is the exit status for an account.
func (a *accountStatus) status() int {
	switch {
	case len(a.Alarms)+len(a.Lost) > 0:
		return cli.StatusShrunk
	case len(a.Needs) > 0:
		return cli.StatusPartial
	}
	return cli.StatusDone
}

func (c *Status) Run(ctx context.Context, p *cli.Program) error {
	span, err := history.ParseSpan(c.MaxAge)
	if err != nil {
		return hint.Usagef("--max-age %v", err)
	}
	locations, err := p.Locations()
	if err != nil {
		return err
	}
	late := span.Before(time.Now())
	worst, accounts, amiss := cli.StatusDone, 0, 0
	for i, l := range locations {
		if i > 0 && !p.JSON {
			p.Printf("")
		}
		all, unread, err := c.look(ctx, p, l, late)
		if err != nil {
			return err
		}
		if unread > 0 {
			worst = max(worst, cli.StatusPartial)
		}
		accounts += len(all)
		for _, a := range all {
			worst = max(worst, a.status())
			amiss += min(1, a.status())
		}
	}
	if worst == cli.StatusDone {
		return nil
	}
	if amiss == 0 {
		return cli.Ended(worst, "some manifests cannot be read")
	}
	verb := "need"
	if amiss == 1 {
		verb = "needs"
	}
	return cli.Ended(worst, fmt.Sprintf("%s of %s %s a look", ui.Count(int64(amiss)), ui.Plural(accounts, "account"), verb))
}

// look shows the accounts of a repository. It returns them, and how many manifests could not be read.
func (c *Status) look(ctx context.Context, p *cli.Program, l *access.Location, late time.Time) (all []*accountStatus, unread int, err error) {
	r, err := l.Open(ctx)
	if err != nil {
		return nil, 0, err
	}
	defer r.Close()
	found, damage, err := health.Accounts(ctx, r, job.Limits(p.Host, nil))
	if err != nil {
		return nil, 0, err
	}
	for _, err := range damage {
		p.Warn("%s", ui.OneLine(err.Error()))
	}
	for _, a := range found {
		all = append(all, describe(a, l.String(), late))
	}
	if all, err = addMissing(p, all, l); err != nil {
		return nil, 0, err
	}
	slices.SortStableFunc(all, func(a, b *accountStatus) int {
		return cmp.Or(b.status()-a.status(), a.LastGood.Compare(b.LastGood), cmp.Compare(a.Account, b.Account))
	})
	if p.JSON {
		return all, len(damage), ui.PrintLines(p.Output, all)
	}
	read, err := health.LastRead(ctx, r)
	if err != nil {
		return nil, 0, err
	}
	c.print(p, l, all, read)
	return all, len(damage), nil
}

// describe says why an account needs a look.
func describe(a *health.Account, repository string, late time.Time) *accountStatus {
	m := a.Newest.Manifest
	s := &accountStatus{
		Account: a.Name, Repository: repository, LastGood: a.LastGood.UTC(), Newest: a.Newest.Head.Time.UTC(), ID: summary.ID(a.Newest.Head),
		Messages: m.Totals.Messages, Bytes: m.Totals.Bytes, NewMessages: m.Totals.NewMessages, NewBytes: m.Totals.NewBytes, Failures: m.Totals.Failures,
		Alarms: a.AlarmTexts(), Lost: a.Lost, Unreadable: len(a.Damage),
	}
	if a.LastGood.IsZero() {
		s.LastGood = time.Time{}
	}
	if n := len(s.Alarms); n > 0 {
		s.Needs = append(s.Needs, ui.Plural(n, "alarm"))
	}
	if len(a.Lost) > 0 {
		s.Needs = append(s.Needs, "lacks mail")
	}
	switch {
	case a.Newest.Head.Time.Before(late):
		s.Needs = append(s.Needs, "no backup since "+ui.Time(a.Newest.Head.Time))
	case a.LastGood.Before(late):
		s.Needs = append(s.Needs, "no good night")
	}
	if n := m.Totals.Failures; n > 0 {
		s.Needs = append(s.Needs, ui.Plural(n, "failure"))
	}
	if n := len(a.Damage); n > 0 {
		s.Needs = append(s.Needs, ui.Plural(n, "manifest")+" cannot be read")
	}
	return s
}

// addMissing adds the accounts that the configuration archives into a repository, and that it does not have.
func addMissing(p *cli.Program, all []*accountStatus, l *access.Location) ([]*accountStatus, error) {
	c, err := p.Config()
	if err != nil {
		return nil, err
	}
	for i := range c.Accounts {
		a, err := access.AccountOf(&c.Accounts[i])
		if err != nil {
			return nil, err
		}
		into, err := p.Location(c.Accounts[i].Repository)
		if err != nil || into.String() != l.String() {
			continue
		}
		if !slices.ContainsFunc(all, func(s *accountStatus) bool { return s.Account == a.Name }) {
			all = append(all, &accountStatus{Account: a.Name, Repository: l.String(), Needs: []string{"never archived"}})
		}
	}
	return all, nil
}

func (c *Status) print(p *cli.Program, l *access.Location, all []*accountStatus, last repo.PastCheck) {
	checked := "by no rolling check yet; mailstrata check --read-data-within 30d reads a share each time"
	if !last.Time.IsZero() {
		checked = fmt.Sprintf("%s (%s)", ui.Time(last.Time), ui.Ago(last.Time))
		if last.Of > 1 {
			checked += fmt.Sprintf(", share %d/%d", last.N, last.Of)
		}
	}
	p.Facts("Repository", l.String(), "Mail read", checked)
	if len(all) == 0 {
		p.Note("there are no manifests yet; mailstrata backup creates one")
		return
	}
	listed := all
	if fine := slices.IndexFunc(all, func(a *accountStatus) bool { return a.status() == cli.StatusDone }); fine >= 0 && len(all) > goodListed && !c.All {
		listed = all[:fine]
	}
	if len(listed) > 0 {
		printStatus(p, listed)
	}
	if rest := all[len(listed):]; len(rest) > 0 {
		var messages, bytes, added int64
		for _, a := range rest {
			messages, bytes, added = messages+a.Messages, bytes+a.Bytes, added+a.NewMessages
		}
		p.Printf("\n%s fine, each with a good night since %s: %s, %s, %s new in the newest nights", pluralAre(len(rest), len(listed) > 0),
			ui.Time(rest[0].LastGood), ui.Plural(messages, "message"), ui.Size(bytes), ui.Count(added))
	}
}

// pluralAre begins a sentence about n accounts, which follow others.
func pluralAre(n int, more bool) string {
	text := ui.Count(int64(n))
	if more {
		text += " more"
	}
	if n == 1 {
		return text + " account is"
	}
	return text + " accounts are"
}

// maxSentences is how many alarms of an account are shown.
const maxSentences = 3

func printStatus(p *cli.Program, listed []*accountStatus) {
	p.Printf("")
	t := p.Table("ACCOUNT", "LAST GOOD", "AGE", "MESSAGES", "    SIZE", "     NEW", "NEEDS A LOOK").Optional("NEW", "SIZE", "MESSAGES").Folded()
	defer t.Flush()
	for _, a := range listed {
		color := ui.Plain
		if a.status() != cli.StatusDone {
			color = ui.Red
		}
		t.ColoredRow(color, a.Account, cmp.Or(ui.Time(a.LastGood), "never"), ui.Ago(a.LastGood), ui.Right(ui.Count(a.Messages), "MESSAGES"),
			ui.Right(ui.Size(a.Bytes), "    SIZE"), ui.Right(ui.Count(a.NewMessages), "     NEW"), strings.Join(a.Needs, ", "))
		sentences := slices.Concat(a.Alarms, a.Lost)
		for _, text := range sentences[:min(len(sentences), maxSentences)] {
			t.Below(ui.OneLine(text), nil)
		}
		if more := len(sentences) - maxSentences; more > 0 {
			t.Below(fmt.Sprintf("and %s more: mailstrata show %s", ui.Count(int64(more)), a.ID[:8]), nil)
		}
	}
}
