package setup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// Command sets up the backup of a mail account.
type Command struct {
	Address string `arg:"" optional:"" help:"The mail address. Default: setup asks for it."`
}

func (*Command) Help() string {
	return `Asks for a mail account, for a place to keep its archive, what is to open the archive, how often to run and what to keep, and tests the answers. It finds the server of the address where it can: large providers, what the domain publishes (autoconfig over HTTPS, SRV records). Then it makes the repository, writes the configuration, starts a timer, and makes the first backup.

Ctrl-C ends it at any time; the next setup finds what is there, and finishes what is missing. Passwords are kept in the keyring, if there is one, or else in files that only you can read.

setup needs a terminal. For scripts, write the configuration (docs/config.md), run mailstrata init, and see docs/nightly.md for timers. If there is a configuration, setup adds another account (mailstrata account add).

EXAMPLES

    mailstrata setup
    mailstrata setup anna@mail.example

` + cli.ExitStatus
}

func (c *Command) Run(ctx context.Context, p *cli.Program, again cli.Runner) error {
	d := &dialog{p}
	if err := d.mayAsk("setup"); err != nil {
		return err
	}
	if _, err := os.Stat(d.configPath()); err == nil {
		return d.setUpAlready(ctx, c.Address, again)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := d.mayWrite(); err != nil {
		return err
	}
	d.Paragraph("mailstrata setup asks some questions and tests the answers. Then it makes the first backup. It changes nothing in " +
		"your mail account. Enter takes the answer in brackets; Ctrl-C ends it.")
	plan, err := d.askAll(ctx, c.Address)
	if err != nil {
		return err
	}
	d.section("Ready")
	d.summarize(plan)
	if yes, err := d.confirm(ctx, "Set this up?"); err != nil || !yes {
		return cmp.Or(err, errors.New("nothing was set up"))
	}
	r := restOf(plan)
	if err := d.make(ctx, plan, r); err != nil {
		if ctx.Err() != nil {
			d.Paragraph("The configuration is not written yet. Run mailstrata setup again: it uses what is there.")
		}
		return err
	}
	return d.finish(ctx, r, plan.nights, again)
}

// mayAsk returns an error if the questions cannot be asked, or their answers would not count.
func (d *dialog) mayAsk(command string) error {
	f := &d.Flags
	switch {
	case !d.HasTerminal():
		return &hint.Usage{
			Text: command + " asks questions, and there is no terminal to ask on",
			Hint: "for scripts: mailstrata init makes a repository, docs/config.md describes the configuration, and docs/nightly.md timers",
		}
	case f.Repo != "" || f.KeyFile != "" || f.PasswordFile != "" || f.PasswordCommand != "" ||
		d.Getenv("MAILSTRATA_PASSWORD") != "":
		return &hint.Usage{
			Text: command + " asks for the repository and its key",
			Hint: "leave out --repo, --key-file and --password-…, and unset MAILSTRATA_REPO, MAILSTRATA_KEY_FILE and MAILSTRATA_PASSWORD",
		}
	}
	return nil
}

// askAll asks all questions.
func (d *dialog) askAll(ctx context.Context, address string) (*plan, error) {
	p := &plan{}
	var err error
	d.section("1. The mail account")
	if p.account, err = d.askAccount(ctx, address, func(string) error { return nil }); err != nil {
		return nil, err
	}
	for p.opening == nil {
		d.section("2. The archive")
		if p.place, err = d.askPlace(ctx); err != nil {
			return nil, err
		}
		d.section("3. The key")
		if p.opening, err = d.askOpening(ctx, p.place); err != nil {
			return nil, err
		}
	}
	d.keepName(p.account, p.place.archived)
	d.section("4. The nights")
	p.nights, err = d.askNights(ctx, p.place)
	return p, err
}

// summarize prints what is to be set up.
func (d *dialog) summarize(p *plan) {
	d.Say("  account   " + ui.Safe(p.account.name))
	d.Say("  archive   " + ui.Safe(d.fromHome(p.place.location.String())))
	d.Say("  opens by  " + p.opening.name())
	d.Say("  runs      " + p.nights.word())
	d.Say("  keeps     " + map[bool]string{false: "everything",
		true: "30 days, then 24 months, then years"}[p.nights.thin])
	d.Say(fmt.Sprintf("  settings  %s", ui.Safe(d.fromHome(d.configPath()))))
	d.Say("")
}
