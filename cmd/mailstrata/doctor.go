package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/mail"
)

type doctorCommand struct {
	Account []string `arg:"" optional:"" name:"account" help:"Accounts and repositories of the configuration; all of them, if neither these nor --imap are given."`

	IMAP                []string      `group:"account" name:"imap" sep:"none" placeholder:"URL" help:"An account: imaps://user@host[:port] (repeatable)."`
	NoProbe             bool          `help:"Put no object into the repository's place: then what its credentials allow is not tried."`
	TimeLimit           time.Duration `group:"account" placeholder:"DURATION" help:"How long looking at one account may take (10m)."`
	access.AccountFlags `embed:""`
}

func (*doctorCommand) Help() string {
	return `Tells what would go wrong tonight: whether each account lets us in, what its server offers and what mailstrata makes of that; whether the repository opens, with which key, and what its credentials allow; whether this host has room, and its clock is right.

Nothing in the accounts is changed. In the repository's place a small object is put below probe/, read, listed, and deleted where that is allowed; where it is not, it stays, and harms nothing.

EXAMPLES

    mailstrata doctor
    mailstrata doctor anna office
    mailstrata doctor --imap imaps://anna@mail.example
    mailstrata doctor --json | jq -r 'select(.status != "ok") | .advice'

JSON: one object a line, with subject, check, status (ok, warn or fail), finding, advice.

EXIT STATUS

0 nothing fails, whatever there is to warn of; 1 something fails; 2 the command line makes no sense; 130 interrupted.`
}

// verdict is what a check comes to.
type verdict string

const (
	verdictOK   verdict = "ok"
	verdictWarn verdict = "warn"
	verdictFail verdict = "fail"
)

// finding is what was found out by one check, as JSON.
type finding struct {
	Subject string  `json:"subject"` // an account, the repository, this host
	Check   string  `json:"check"`
	Status  verdict `json:"status"`
	Finding string  `json:"finding"`
	Advice  string  `json:"advice,omitempty"`
}

// examination collects findings about one subject.
type examination struct {
	subject  string
	findings []finding
}

func (e *examination) note(status verdict, check, text, advice string) {
	e.findings = append(e.findings, finding{e.subject, check, status, ui.OneLine(text), advice})
}

func (e *examination) ok(check, format string, args ...any) {
	e.note(verdictOK, check, fmt.Sprintf(format, args...), "")
}

func (e *examination) warn(check, advice, format string, args ...any) {
	e.note(verdictWarn, check, fmt.Sprintf(format, args...), advice)
}

// fail notes an error, with what the program would say to it elsewhere.
func (e *examination) fail(check string, err error) {
	e.note(verdictFail, check, err.Error(), hint.For(err))
}

func (c *doctorCommand) Run(ctx context.Context, p *program) error {
	if c.TimeLimit < 0 {
		return hint.Usagef("--time-limit must be more than nothing, such as 10m")
	}
	p.Patience = cmp.Or(p.watchedPatience, usualWatchedPatience)
	accounts, repositories, err := c.patients(p)
	if err != nil {
		return err
	}
	var findings []finding
	for _, a := range accounts {
		findings = append(findings, c.examineAccount(ctx, p, a)...)
	}
	for _, name := range repositories {
		findings = append(findings, c.examineRepository(ctx, p, name)...)
	}
	findings = append(findings, p.examineHost()...)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return p.tellFindings(findings)
}

// patients are the accounts and the repositories that are named, or else all of the configuration; and of accounts the
// repositories that they go to. A repository is named as --repo takes it; "" is what is usual.
func (c *doctorCommand) patients(p *program) (accounts []*access.Account, repositories []string, err error) {
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
			return nil, nil, &hint.Usage{Text: "the configuration has no account and no repository " + ui.Quote(name), Hint: unknownName(name, configured.Names()) + "any other account is named by --imap and its URL"}
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

// unknownName begins a hint with what was probably meant.
func unknownName(name string, names []string) string {
	if near := ui.Nearest(name, names); near != "" {
		return "did you mean " + ui.Quote(near) + "? "
	}
	return "mailstrata config show lists them; "
}

// repositories are those that are named, and those that the accounts go to, each once. One of the command line counts alone.
func (c *doctorCommand) repositories(p *program, accounts []*access.Account, named []string) []string {
	if p.flags.Repo != "" {
		return []string{p.flags.Repo}
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
		if err != nil || !seen[l.String()] { // what is wrong with it, its examination tells
			distinct = append(distinct, name)
		}
		if err == nil {
			seen[l.String()] = true
		}
	}
	return distinct
}

// examinedMost is how long the examination of one account may take where nothing else is said.
const examinedMost = 10 * time.Minute

// examineAccount logs in, and looks at what the server offers.
func (c *doctorCommand) examineAccount(ctx context.Context, p *program, a *access.Account) []finding {
	e := &examination{subject: a.Name}
	if err := p.UnlockAccount(ctx, a, &c.AccountFlags); err != nil {
		e.fail("secret", err)
		return e.findings
	}
	if from := p.DescribeSecret(a); from != "" {
		e.ok("secret", "%s", from)
	}
	a.Options.Namespaces, a.Options.Virtual = a.Configured.Namespaces, a.Configured.Virtual
	limit := cmp.Or(c.TimeLimit, examinedMost)
	ctx, cancel := context.WithTimeoutCause(ctx, limit,
		fmt.Errorf("the server did not finish within %v (--time-limit): it answers too slowly or without an end", limit))
	defer cancel()
	source := imap.NewSource(a.Options)
	defer source.Close()
	server, err := source.Server(ctx)
	if err != nil {
		e.fail("login", err)
		return e.findings
	}
	e.ok("login", "%s lets %s in", a.Options.Host, a.Options.User)
	survey, err := source.Survey(ctx)
	if err != nil {
		e.fail("mailboxes", err)
		return e.findings
	}
	var messages uint64
	mailboxes := 0
	for _, m := range survey.Mailboxes {
		if m.Skip == mail.NotSkipped {
			mailboxes++
		}
		if m.Status != nil && !m.Label {
			messages += uint64(m.Status.Messages)
		}
	}
	e.ok("mailboxes", "%s, %s", ui.Plural(mailboxes, "mailbox"), ui.Plural(messages, "message"))
	e.skipped(survey, server)
	for _, note := range survey.Notes {
		e.warn("mailboxes", "", "%s", note)
	}
	e.offers(server)
	return e.findings
}

func (p *program) tellFindings(findings []finding) error {
	failed := 0
	for _, f := range findings {
		if f.Status == verdictFail {
			failed++
		}
		if p.flags.JSON {
			if err := p.PrintJSON(f); err != nil {
				return err
			}
		}
	}
	if !p.flags.JSON {
		p.tableOfFindings(findings)
	}
	if failed > 0 {
		return &outcome{statusFailed, ui.Plural(failed, "check") + " failed"}
	}
	return nil
}

// subjectsListed is the largest number of accounts, repositories and hosts whose good results are listed too.
const subjectsListed = 10

// worstFirst sorts findings. If there are many subjects, and not all are wanted, it leaves out what is fine.
func worstFirst(findings []finding, all bool) (listed []finding, subjects int) {
	seen := make(map[string]bool)
	for _, f := range findings {
		seen[f.Subject] = true
	}
	listed = slices.Clone(findings)
	if all || len(seen) <= subjectsListed {
		return listed, len(seen)
	}
	listed = slices.DeleteFunc(listed, func(f finding) bool { return f.Status == verdictOK })
	order := map[verdict]int{verdictFail: 0, verdictWarn: 1}
	slices.SortStableFunc(listed, func(a, b finding) int { return cmp.Compare(order[a.Status], order[b.Status]) })
	return listed, len(seen)
}

func (p *program) tableOfFindings(findings []finding) {
	all := findings
	findings, subjects := worstFirst(all, p.flags.Verbose)
	defer func() {
		if subjects > subjectsListed {
			n := make(map[verdict]int)
			for _, f := range all {
				n[f.Status]++
			}
			p.Printf("%s of %d accounts, repositories and hosts: %d failed, %d to look at, %d fine (-v lists these too)",
				ui.Plural(len(all), "check"), subjects, n[verdictFail], n[verdictWarn], n[verdictOK])
		}
	}()
	if len(findings) == 0 {
		return
	}
	t := p.Table("STATUS", "SUBJECT", "CHECK", "FINDING")
	for _, f := range findings {
		t.ColoredRow(map[verdict]ui.Color{verdictWarn: ui.Yellow, verdictFail: ui.Red}[f.Status], string(f.Status), f.Subject, f.Check, f.Finding)
	}
	t.Flush()
	for _, f := range findings {
		if f.Advice != "" && f.Status != verdictOK {
			p.Printf("%s, %s: %s", ui.Safe(f.Subject), f.Check, ui.Safe(f.Advice))
		}
	}
}
