package look

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mailstrata/mailstrata/archive/health"
	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/checked"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/internal/config"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/job"
	"github.com/mailstrata/mailstrata/internal/nextrun"
	"github.com/mailstrata/mailstrata/internal/schedule"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo"
)

// Status shows which accounts need a look.
type Status struct {
	MaxAge string   `default:"2d" placeholder:"SPAN" help:"How old the last good night of an account may be, such as 2d or 36h."`
	Within cli.Span `name:"checked-within" placeholder:"SPAN" help:"A repository needs a look if no rolling check of any host ended without damage in this time, such as 8d."`
	All    bool     `help:"List every account, also the good ones among many."`

	cli.WatchFlags `embed:""`
}

func (*Status) Help() string {
	return `Shows what needs a look: accounts whose last good night is too old, alarms that are not acknowledged, messages that could not be read, accounts of the configuration that were never archived, and repositories in which a check of this host found damage that no later check found repaired. An account that is no longer backed up is late, unless the configuration names it in ended_accounts. Of up to 20 accounts it lists all, and of more only these. It covers all repositories of the configuration, or the one of --repo.

A good night is complete, and has no failures and no alarms. An alarm is shown until somebody acknowledges it (mailstrata forget --acknowledge), however many good nights follow. MESSAGES and SIZE are those of the last good night, 30 DAYS is how many messages the account gained or lost in that time.

Of each repository it shows the size of the packs and how much of it came in 30 days, when a rolling check (check --read-data-within) last read mail, how much of the packs checks of this host read and since when, and when this host last pruned it. What checks of other hosts found is not in the repository. But a rolling check that finds damage leaves no record, so --checked-within notices it, and also that no check runs. With systemd it also shows when the next timer named mailstrata*.timer elapses.

Only the newest manifests of each account are read, and one of 30 days ago. A writer's key is enough.

EXAMPLES

    mailstrata status
    mailstrata status --checked-within 8d
    mailstrata status --max-age 36h \
        --on-failure 'mail -s "$MAILSTRATA_SUBJECT" root'
    mailstrata status --metrics /var/lib/node_exporter/mailstrata-status.prom
    mailstrata status --json | jq -r 'select(.needs) | .account'

EXIT STATUS

0 all accounts are fine; 1 failed; 2 invalid command line; 3 an account is late, has failures or was never archived, manifests cannot be read, a check found damage, or none ended within --checked-within; 4 an account has alarms, or lacks mail; 130 interrupted.`
}

// place is a repository, as status shows it.
type place struct {
	location      *access.Location
	read          repo.PastCheck
	readAll       bool  // read is of a check of all shares
	overdue       bool  // the rolling check is: read is older than --checked-within
	stored, added int64 // bytes of packs, and of those of the last month
	pruned        time.Time
	checks        *checked.Record // of this host; nil: they cannot be read
	accounts      []*accountStatus
	hidden        string // says that somebody hid manifests; "": nobody did
	unread        int    // manifests that belong to no account that is known
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
	var places []*place
	for _, l := range locations {
		at, err := look(ctx, p, l, late)
		if err != nil {
			return err
		}
		at.overdue = c.Within != cli.Span{} && (!at.readAll || at.read.Time.Before(history.Span(c.Within).Before(time.Now())))
		places = append(places, at)
	}
	for _, at := range places {
		if at.checks != nil {
			p.WatchRepository(at.watched())
		}
		for _, a := range at.accounts {
			p.WatchAccount(a.watched())
		}
	}
	if err := c.show(ctx, p, places); err != nil {
		return err
	}
	return outcome(places)
}

// outcome returns the error with the exit status of the worst account or repository.
func outcome(places []*place) error {
	worst := cli.StatusDone
	var words []string
	for _, at := range places {
		if at.checks == nil {
			words = append(words, "it is not known whether checks found damage in "+at.location.String())
		} else if at.checks.Damage != nil {
			words = append(words, "a check found damage in "+at.location.String())
		}
		if at.hidden != "" {
			words = append(words, "somebody hid manifests in "+at.location.String())
		}
		if at.overdue {
			words = append(words, "no rolling check ended well in "+at.location.String())
		}
		if at.unread+len(words) > 0 {
			worst = max(worst, cli.StatusPartial)
		}
	}
	merged := merge(places)
	amiss := 0
	for _, a := range merged {
		worst = max(worst, a.status())
		amiss += min(1, a.status())
	}
	verb := "need"
	if amiss == 1 {
		verb = "needs"
	}
	switch {
	case worst == cli.StatusDone:
		return nil
	case amiss > 0:
		words = append(words,
			fmt.Sprintf("%s of %s %s a look", ui.Count(int64(amiss)), ui.Plural(len(merged), "account"), verb))
	case len(words) == 0:
		words = append(words, "some manifests cannot be read")
	}
	return cli.Ended(worst, strings.Join(words, "; "))
}

// look reads how a repository and its accounts are doing.
func look(ctx context.Context, p *cli.Program, l *access.Location, late time.Time) (*place, error) {
	r, err := l.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	at := &place{location: l, pruned: p.LastPrune(l)}
	if at.checks, err = p.Checked(l); err != nil {
		p.Warn("%s", ui.OneLine(err.Error()))
	}
	var found []*health.Account
	var damage []error
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		found, damage, err = health.Accounts(groupCtx, r, job.Limits(p.Host, nil))
		return err
	})
	group.Go(func() (err error) {
		at.stored, at.added, err = r.PackBytes(groupCtx, time.Now().Add(-health.Month))
		return err
	})
	group.Go(func() (err error) {
		at.read, at.readAll, err = health.LastRead(groupCtx, r)
		return err
	})
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if len(found) == 0 && len(damage) == 0 {
		vanished, err := summary.Vanished(ctx, r)
		if err != nil {
			return nil, err
		}
		if vanished != "" {
			damage = append(damage, fmt.Errorf("%s: %s", l, vanished))
		}
	}
	at.hidden = summary.Hidden(r)
	at.unread = len(damage)
	for _, err := range damage {
		p.Warn("%s", ui.OneLine(err.Error()))
	}
	configured, err := p.Config()
	if err != nil {
		return nil, err
	}
	for _, a := range found {
		s := describe(a, l.String(), expected(configured, a.Name, late))
		s.Damaged, s.Read = at.damaged(), at.read.Time.UTC()
		at.accounts = append(at.accounts, s)
	}
	if err := at.addMissing(p); err != nil {
		return nil, err
	}
	failed, err := p.FailedBackups(l)
	if err != nil {
		p.Warn("%s", ui.OneLine(err.Error()))
	}
	if len(at.accounts) == 0 { // else somebody may have mistyped the name of one of them
		for account := range failed {
			at.accounts = append(at.accounts, neverArchived(account, l))
		}
	}
	for _, s := range at.accounts {
		if f, ok := failed[s.Account]; ok && !expected(configured, s.Account, late).IsZero() {
			s.addFailed(f)
		}
	}
	slices.SortStableFunc(at.accounts, worstFirst)
	return at, nil
}

// damaged returns when a check of this host found damage that no later one found gone.
func (at *place) damaged() time.Time {
	if at.checks == nil || at.checks.Damage == nil {
		return time.Time{}
	}
	return at.checks.Damage.Since.UTC()
}

// expected returns the time after which the last good night of an account must be: late, or no time
// for an account that is no longer backed up.
func expected(configured *config.Config, account string, late time.Time) time.Time {
	if slices.Contains(configured.Ended, account) && configured.Account(account) == nil {
		return time.Time{}
	}
	return late
}

// worstFirst orders accounts as they are shown.
func worstFirst(a, b *accountStatus) int {
	return cmp.Or(b.status()-a.status(), ui.CompareTimes(a.LastGood, b.LastGood), cmp.Compare(a.Account, b.Account))
}

// addMissing adds the accounts that the configuration archives into the repository, and that it
// does not have.
func (at *place) addMissing(p *cli.Program) error {
	c, err := p.Config()
	if err != nil {
		return err
	}
	for i := range c.Accounts {
		a, err := access.AccountOf(&c.Accounts[i])
		if err != nil {
			return err
		}
		into, err := p.Location(c.Accounts[i].Repository)
		if err != nil || into.String() != at.location.String() {
			continue
		}
		if !slices.ContainsFunc(at.accounts, func(s *accountStatus) bool { return s.Account == a.Name }) {
			at.accounts = append(at.accounts, neverArchived(a.Name, at.location))
		}
	}
	return nil
}

func neverArchived(account string, l *access.Location) *accountStatus {
	return &accountStatus{Account: account, Repository: l.String(), Needs: []string{"never archived"}}
}

// show prints the repositories and their accounts.
func (c *Status) show(ctx context.Context, p *cli.Program, places []*place) error {
	if p.JSON {
		for _, at := range places {
			if err := ui.PrintLines(p.Output, at.accounts); err != nil {
				return err
			}
		}
		return nil
	}
	printPlaces(p, places)
	if next, ok := nextrun.First(ctx, schedule.This(p.Home(), p.Getenv)); ok {
		p.Facts("Next run  ", fmt.Sprintf("%s (%s), %s", ui.Time(next.Next), ui.Ago(next.Next), next.Unit))
		if next.Fault != "" {
			p.Folded(ui.Red, "needs a look: "+next.Fault+"; "+next.Advice, "  ")
		}
	}
	merged := merge(places)
	if len(merged) == 0 {
		if slices.ContainsFunc(places, func(at *place) bool { return at.unread > 0 }) {
			return nil
		}
		p.Note("there are no manifests yet; mailstrata backup creates one")
		return nil
	}
	c.printAccounts(p, merged)
	return nil
}
