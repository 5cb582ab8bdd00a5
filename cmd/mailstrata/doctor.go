package main

import (
	"context"
	"fmt"

	"github.com/mailstrata/mailstrata/imap"
)

type doctorCommand struct {
	Account []string `arg:"" optional:"" help:"Accounts of the configuration; all of them, if neither these nor --imap are given."`

	IMAP      []string `group:"account" name:"imap" sep:"none" placeholder:"URL" help:"An account: imaps://user@host[:port] (repeatable)."`
	NoProbe   bool     `help:"Put no object into the repository's place: then what its credentials allow is not tried."`
	imapFlags `embed:""`
}

func (*doctorCommand) Help() string {
	return `Tells what would go wrong tonight: whether each account lets us in, what its server offers and what mailstrata makes of that; whether the repository opens, with which key, and what its credentials allow; whether this host has room, and its clock is right.

Nothing in the accounts is changed. In the repository's place a small object is put below probe/, read, listed, and deleted where that is allowed; where it is not, it stays, and harms nothing.

EXAMPLES

    mailstrata doctor
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
	e.findings = append(e.findings, finding{e.subject, check, status, oneLine(text), advice})
}

func (e *examination) ok(check, format string, args ...any) {
	e.note(verdictOK, check, fmt.Sprintf(format, args...), "")
}

func (e *examination) warn(check, advice, format string, args ...any) {
	e.note(verdictWarn, check, fmt.Sprintf(format, args...), advice)
}

// fail notes an error, with what the program would say to it elsewhere.
func (e *examination) fail(check string, err error) {
	e.note(verdictFail, check, err.Error(), hint(err))
}

func (c *doctorCommand) Run(ctx context.Context, p *program) error {
	accounts, err := c.accounts(p)
	if err != nil {
		return err
	}
	var findings []finding
	for _, a := range accounts {
		findings = append(findings, c.examineAccount(ctx, p, a)...)
	}
	findings = append(findings, c.examineRepository(ctx, p)...)
	findings = append(findings, p.examineHost()...)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return p.tellFindings(findings)
}

// accounts are those that are named, or else all of the configuration.
func (c *doctorCommand) accounts(p *program) (accounts []*account, err error) {
	for _, url := range c.IMAP {
		a, err := parseAccount(url)
		if err != nil {
			return nil, err
		}
		accounts = append(accounts, a)
	}
	configured, err := p.config()
	if err != nil {
		return nil, err
	}
	names := c.Account
	if len(names) == 0 && len(accounts) == 0 {
		for i := range configured.Accounts {
			names = append(names, configured.Accounts[i].Name)
		}
	}
	for _, name := range names {
		a, err := p.configuredAccount(name)
		if err != nil {
			return nil, err
		}
		if a == nil {
			return nil, &usageError{text: "the configuration has no account " + quoted(name), hint: "mailstrata config show lists them; any other is named by --imap and its URL"}
		}
		accounts = append(accounts, a)
	}
	return accounts, nil
}

// examineAccount logs in, and looks at what the server offers.
func (c *doctorCommand) examineAccount(ctx context.Context, p *program, a *account) []finding {
	e := &examination{subject: a.name}
	if err := p.unlock(ctx, a, &c.imapFlags); err != nil {
		e.fail("secret", err)
		return e.findings
	}
	source := imap.NewSource(a.opts)
	defer source.Close()
	server, err := source.Server(ctx)
	if err != nil {
		e.fail("login", err)
		return e.findings
	}
	e.ok("login", "%s lets %s in", a.opts.Host, a.opts.User)
	survey, err := source.Survey(ctx)
	if err != nil {
		e.fail("mailboxes", err)
		return e.findings
	}
	var messages uint64
	for _, m := range survey.Mailboxes {
		if m.Status != nil && !m.Label {
			messages += uint64(m.Status.Messages)
		}
	}
	e.ok("mailboxes", "%s, %s", plural(len(survey.Mailboxes), "mailbox"), plural(messages, "message"))
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
			if err := p.printJSON(f); err != nil {
				return err
			}
		}
	}
	if !p.flags.JSON {
		p.tableOfFindings(findings)
	}
	if failed > 0 {
		return &outcome{statusFailed, plural(failed, "check") + " failed"}
	}
	return nil
}

func (p *program) tableOfFindings(findings []finding) {
	t := p.table("STATUS", "SUBJECT", "CHECK", "FINDING")
	for _, f := range findings {
		t.mark(map[verdict]colour{verdictWarn: notice, verdictFail: amiss}[f.Status], string(f.Status), f.Subject, f.Check, f.Finding)
	}
	t.close()
	for _, f := range findings {
		if f.Advice != "" && f.Status != verdictOK {
			p.printf("%s, %s: %s", safe(f.Subject), f.Check, safe(f.Advice))
		}
	}
}
