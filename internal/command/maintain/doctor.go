package maintain

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/doctor"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/job"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// Doctor checks accounts, repositories and this host.
type Doctor struct {
	Account []string `arg:"" optional:"" name:"account" help:"Accounts and repositories of the configuration. Default: all of them, unless --imap is given."`

	IMAP                []string      `group:"account" name:"imap" sep:"none" placeholder:"URL" help:"Account: imaps://user@host[:port] (repeatable)."`
	NoProbe             bool          `help:"Write no test object to the repository. Then its credentials are not tested."`
	TimeLimit           time.Duration `group:"account" placeholder:"DURATION" help:"How long checking one account may take (10m)."`
	access.AccountFlags `embed:""`
}

func (*Doctor) Help() string {
	return `Checks what could fail tonight: whether each account accepts the login, whether a mailbox opens and a message in it can be read, and what the server offers; whether the repository opens, with which key, and what its credentials allow; whether the disks of this host and of a repository in a directory have the room that a night needs, the clock is right, and something runs mailstrata by itself.

It changes nothing in the accounts. In the repository it writes small objects below probe/, reads and lists them, and deletes them if that is allowed.

EXAMPLES

    mailstrata doctor
    mailstrata doctor anna office
    mailstrata doctor --imap imaps://anna@mail.example
    mailstrata doctor --json | jq -r 'select(.status != "ok") | .advice'

EXIT STATUS

0 no check failed; 1 a check failed; 2 invalid command line; 130 interrupted.`
}

func (c *Doctor) Run(ctx context.Context, p *cli.Program) error {
	if c.TimeLimit < 0 {
		return hint.Usagef("--time-limit must be longer than 0, such as 10m")
	}
	p.BeInteractive()
	accounts, repositories, err := c.subjects(p)
	if err != nil {
		return err
	}
	var findings []doctor.Finding
	if err := p.UsersError(); err != nil {
		findings = append(findings, doctor.Finding{
			Subject: "configuration", Check: "users", Status: doctor.Fail, Finding: ui.OneLine(err.Error()),
		})
	}
	findings = append(findings, doctor.Accounts(ctx, p.Host, accounts, &c.AccountFlags, c.TimeLimit)...)
	for _, name := range repositories {
		findings = append(findings, doctor.Repository(ctx, p.Host, name, job.Limits(p.Host, nil), !c.NoProbe)...)
	}
	findings = append(findings, doctor.Host(p.Host)...)
	if configured, err := p.Config(); err == nil && configured.File != "" && len(c.Account)+len(c.IMAP) == 0 {
		findings = append(findings, doctor.Timer(ctx, p.Host)...)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return printFindings(p, findings)
}

// subjects returns the accounts and the repositories that the user names, or else all of the
// configuration, and the repositories of the accounts. A repository has the form of --repo; "" is
// the default.
func (c *Doctor) subjects(p *cli.Program) (accounts []*access.Account, repositories []string, err error) {
	p.ListUsers = true
	configured, err := p.Config()
	if err != nil {
		return nil, nil, err
	}
	names := c.Account
	if len(names) == 0 && len(c.IMAP) == 0 {
		names = configured.Names()
	}
	for _, url := range c.IMAP {
		a, err := access.ParseAccount(url)
		if err != nil {
			return nil, nil, err
		}
		accounts = append(accounts, a)
	}
	for _, name := range names {
		a, err := p.ConfiguredAccount(name)
		if err != nil {
			return nil, nil, err
		}
		r := configured.Repository(name)
		if a == nil && r == nil {
			near := cmp.Or(ui.DidYouMean(name, configured.Names()), "mailstrata config show lists them;")
			return nil, nil, &hint.Usage{
				Text: "the configuration has no account and no repository " + ui.Quote(name),
				Hint: near + " use --imap URL for any other account",
			}
		}
		if r != nil {
			repositories = append(repositories, name)
		}
		if a != nil {
			accounts = append(accounts, a)
		}
	}
	return accounts, c.repositories(p, accounts, repositories), nil
}

// repositories returns those that are named and those of the accounts, each once. --repo overrides
// them.
func (c *Doctor) repositories(p *cli.Program, accounts []*access.Account, named []string) []string {
	if p.Flags.Repo != "" {
		return []string{p.Flags.Repo}
	}
	for _, a := range accounts {
		named = append(named, a.Configured.Repository)
	}
	if len(named) == 0 {
		named = []string{""}
	}
	var distinct []string
	seen := make(map[string]bool)
	for _, name := range named {
		l, err := p.Location(name)
		if err != nil || !seen[l.String()] { // doctor.Repository reports the error
			distinct = append(distinct, name)
		}
		if err == nil {
			seen[l.String()] = true
		}
	}
	return distinct
}

func printFindings(p *cli.Program, findings []doctor.Finding) error {
	count := make(map[doctor.Verdict]int)
	for _, f := range findings {
		count[f.Status]++
	}
	if !p.JSON {
		printFindingsTable(p, findings, count)
	} else if err := ui.PrintLines(p.Output, findings); err != nil {
		return err
	}
	if count[doctor.Fail] > 0 {
		return cli.Ended(cli.StatusFailed, ui.Plural(count[doctor.Fail], "check")+" failed")
	}
	return nil
}

// maxSubjects is the largest number of accounts, repositories and hosts whose good results are
// listed too.
const maxSubjects = 10

// worstFirst sorts findings. If there are many subjects, it leaves out what is ok, unless all are
// wanted.
func worstFirst(findings []doctor.Finding, all bool) (listed []doctor.Finding, subjects int) {
	seen := make(map[string]bool)
	for _, f := range findings {
		seen[f.Subject] = true
	}
	listed = slices.Clone(findings)
	if all || len(seen) <= maxSubjects {
		return listed, len(seen)
	}
	listed = slices.DeleteFunc(listed, func(f doctor.Finding) bool { return f.Status == doctor.OK })
	order := map[doctor.Verdict]int{doctor.Fail: 0, doctor.Warn: 1}
	slices.SortStableFunc(listed, func(a, b doctor.Finding) int { return cmp.Compare(order[a.Status], order[b.Status]) })
	return listed, len(seen)
}

func printFindingsTable(p *cli.Program, findings []doctor.Finding, count map[doctor.Verdict]int) {
	listed, subjects := worstFirst(findings, p.Verbose)
	if len(listed) > 0 {
		t := p.Table("STATUS", "SUBJECT", "CHECK", "FINDING").Folded()
		for _, f := range listed {
			t.ColoredRow(map[doctor.Verdict]ui.Color{doctor.Warn: ui.Yellow, doctor.Fail: ui.Red}[f.Status],
				string(f.Status), f.Subject, f.Check, f.Finding)
		}
		t.Flush()
	}
	for _, f := range listed {
		if f.Advice != "" {
			p.Folded(ui.Plain, fmt.Sprintf("%s, %s: %s", ui.Safe(f.Subject), f.Check, ui.Safe(f.Advice)), "  ")
		}
	}
	if subjects > maxSubjects {
		p.Printf("%s of %d accounts, repositories and hosts: %d failed, %d warnings, %d ok (-v lists these too)",
			ui.Plural(len(findings), "check"), subjects, count[doctor.Fail], count[doctor.Warn], count[doctor.OK])
	}
}
