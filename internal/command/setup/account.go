package setup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/config"
	"github.com/mailstrata/mailstrata/internal/config/edit"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// Account changes the accounts of the configuration.
type Account struct {
	Add    accountAdd    `cmd:"" help:"Ask for another account, test it, and add it to the configuration."`
	List   accountList   `cmd:"" help:"List the accounts of the configuration."`
	Remove accountRemove `cmd:"" help:"Remove an account from the configuration; its history stays."`
	Rename accountRename `cmd:"" help:"Rename an account in the configuration, and its history."`
}

type accountAdd struct {
	Address string `arg:"" optional:"" help:"The mail address. Default: it is asked for."`
}

func (*accountAdd) Help() string {
	return `Asks for an account as "mailstrata setup" does, tests it, adds it to the configuration, and backs it up. The rest of the file stays as it is, with its comments. For scripts, write the table [[accounts]] yourself (docs/config.md).

EXAMPLES

    mailstrata account add jo@mail.example

` + cli.ExitStatus
}

func (c *accountAdd) Run(ctx context.Context, p *cli.Program, again cli.Runner) error {
	d := &dialog{p}
	if err := d.mayAsk("account add"); err != nil {
		return err
	}
	if _, err := d.configured(); err != nil {
		return err
	}
	return d.add(ctx, c.Address, again)
}

// setUpAlready adds an account to the configuration that is there.
func (d *dialog) setUpAlready(ctx context.Context, address string, again cli.Runner) error {
	c, err := d.Config()
	if err != nil {
		return err
	}
	if finished, err := d.resume(ctx, c, again); finished || err != nil {
		return err
	}
	d.Paragraph(fmt.Sprintf("%s has %s already.", ui.Safe(d.fromHome(c.File)), ui.Plural(len(c.Accounts), "account")))
	if yes, err := d.confirm(ctx, "Add another account?"); err != nil || !yes {
		return err
	}
	return d.add(ctx, address, again)
}

// add asks for an account, and adds it to the configuration.
func (d *dialog) add(ctx context.Context, address string, again cli.Runner) error {
	c, err := d.Config()
	if err != nil {
		return err
	}
	if err := d.mayAdd(); err != nil {
		return err
	}
	a, err := d.askAccount(ctx, address, func(name string) error {
		if c.Account(name) != nil {
			return fmt.Errorf("the configuration has the account %s already", ui.Quote(name))
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := d.askTwin(ctx, c, a); err != nil {
		return err
	}
	if err := d.store(ctx, a); err != nil {
		return err
	}
	if _, err = d.backUp(ctx, a.name, again); err == nil {
		d.noteSheet(ctx)
	}
	return err
}

// mayAdd returns an error if no account can be added to the file of the configuration, before
// anybody answers questions for it.
func (d *dialog) mayAdd() error {
	if err := d.mayWrite(); err != nil {
		return err
	}
	text, err := os.ReadFile(d.configPath())
	if err != nil {
		return err
	}
	example := edit.Table("[[accounts]]", edit.Pair{Key: "name", Value: "an account of setup"}, edit.Pair{
		Key: "url", Value: "imaps://a@mail.example",
	})
	if text, err = edit.Append(text, "accounts", example); err != nil {
		return err
	}
	return d.check(text)
}

// askTwin asks whether to add an account whose login another one has, and continues the history of
// one that was removed.
func (d *dialog) askTwin(ctx context.Context, c *config.Config, a *account) error {
	twin := slices.IndexFunc(c.Accounts, func(other config.Account) bool { return sameLogin(a.url, other.URL) })
	if twin >= 0 {
		name := c.Accounts[twin].Name
		d.Paragraph("The configuration has this login already, as " + ui.Safe(name) + ". Its mail would be read twice each night.")
		if yes, err := d.doubt(ctx, "Add it again, as "+ui.Safe(a.name)+"?"); err != nil || !yes {
			return cmp.Or(err, errors.New("nothing was changed"))
		}
		return nil
	}
	l, err := d.Location("")
	if err != nil {
		return nil // the backup says why
	}
	r, err := l.Open(ctx)
	if err != nil {
		return context.Cause(ctx) // likewise
	}
	defer r.Close()
	if !r.CanRead() {
		return nil
	}
	has, err := archivedIn(ctx, r)
	if err != nil {
		return err
	}
	d.keepName(a, slices.DeleteFunc(has, func(known archived) bool { return c.Account(known.account) != nil }))
	return nil
}

// store stores the secrets of an account, and adds it to the configuration.
func (d *dialog) store(ctx context.Context, a *account) error {
	timer := d.schedulers().Find(ctx)
	unlock, err := d.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	provider, table, err := d.storeAccount(ctx, a, timer != nil && timer.Session())
	if err != nil {
		return err
	}
	return d.change(func(text []byte) ([]byte, error) {
		var err error
		if provider != "" {
			text, err = edit.Append(text, "oauth2_providers", provider)
		}
		if err == nil {
			text, err = edit.Append(text, "accounts", table)
		}
		return text, err
	})
}

// configured returns the configuration, or an error if there is none.
func (d *dialog) configured() (*config.Config, error) {
	c, err := d.Config()
	if err == nil && c.File == "" {
		err = &hint.Usage{Text: "there is no configuration", Hint: "mailstrata setup makes one"}
	}
	return c, err
}

// change changes the file of the configuration. d.lock must be held.
func (d *dialog) change(how func(text []byte) ([]byte, error)) error {
	path := d.configPath()
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if text, err = how(text); err != nil {
		return err
	}
	return d.write(text)
}

type accountList struct{}

func (*accountList) Help() string {
	return `Lists the accounts of the configuration, also those of templates. "mailstrata status" shows how their backups went, and "mailstrata config show" the rest of the configuration.

` + cli.ExitStatus
}

// listedAccount is an account of the configuration as JSON.
type listedAccount struct {
	Name string `json:"name"`
	URL  string `json:"url"`
}

func (c *accountList) Run(p *cli.Program) error {
	read, err := p.Config()
	if err != nil {
		return err
	}
	if read.File == "" {
		p.Note("there is no configuration; mailstrata setup makes one")
	}
	var accounts []listedAccount
	for i := range read.Accounts {
		accounts = append(accounts, listedAccount{read.Accounts[i].Name, read.Accounts[i].URL})
	}
	return cli.PrintRows(p, accounts, []string{"ACCOUNT", "URL"}, func(a listedAccount) []string { return []string{a.Name, a.URL} })
}

type accountRemove struct {
	Name string `arg:"" name:"account" help:"The account, as mailstrata account list shows it."`
}

func (*accountRemove) Help() string {
	return `Removes the table of an account from the configuration, with the comment above it. The rest of the file stays as it is. The account is no longer backed up.

Its history stays in the repository: "mailstrata erase" erases it, and with ended_accounts in the configuration "mailstrata status" does not call it late. Its password stays in its file or in the keyring: "mailstrata auth NAME --forget" before removes it from the keyring.

` + cli.ExitStatus
}

func (c *accountRemove) Run(ctx context.Context, p *cli.Program) error {
	d := &dialog{p}
	unlock, err := d.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	i, err := d.tableOf(c.Name)
	if err != nil {
		return err
	}
	read, err := d.Config()
	if err != nil {
		return err
	}
	password := read.Account(c.Name).Secret
	if err := d.change(func(text []byte) ([]byte, error) { return edit.Remove(text, "accounts", i) }); err != nil {
		return err
	}
	if password.File != "" {
		p.Note("Its password stays in the file %s.", ui.Safe(d.fromHome(password.File)))
	} else if password.Keyring != "" {
		p.Note("Its password stays in the keyring, as %s.", ui.Safe(password.Keyring))
	}
	p.Note("What is archived of %s stays: mailstrata erase %s erases it.",
		ui.Safe(c.Name), ui.Safe(ui.ShellWord(c.Name)))
	p.Note("mailstrata status will call it late, unless this is at the top of the configuration: ended_accounts = [%s]", ui.Safe(edit.Quote(c.Name)))
	return nil
}

// tableOf returns which table of the configuration has the account.
func (d *dialog) tableOf(name string) (int, error) {
	c, err := d.configured()
	if err != nil {
		return 0, err
	}
	i := indexOf(c, name)
	if i < 0 {
		return 0, &hint.Usage{
			Text: "the configuration has no account " + ui.Quote(name), Hint: ui.DidYouMean(name, c.Names()),
		}
	}
	if c.Accounts[i].Table < 0 {
		return 0, &hint.Usage{Text: ui.Quote(name) + " is an account of a template", Hint: "change its users_file"}
	}
	return c.Accounts[i].Table, nil
}

type accountRename struct {
	Old string `arg:"" name:"account" help:"The account, as mailstrata account list shows it."`
	New string `arg:"" name:"new-name" help:"Its new name."`
}

func (*accountRename) Help() string {
	return `Gives an account another name: in the repository, as "mailstrata rename-account" does, which keeps its history; then in the configuration, whose rest stays as it is. It needs an owner's key. If it is interrupted, run it again.

EXAMPLES

    mailstrata account rename anna@old.example anna@new.example

` + cli.ExitStatus
}

func (c *accountRename) Run(ctx context.Context, p *cli.Program, again cli.Runner) error {
	d := &dialog{p}
	if c.Old == c.New || c.New == "" {
		return hint.Usagef("account rename needs two different names")
	}
	unlock, err := d.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	i, err := d.tableOf(c.Old)
	if err != nil {
		return err
	}
	read, err := d.Config()
	if err != nil {
		return err
	}
	if read.Account(c.New) != nil {
		return &hint.Usage{Text: "the configuration has an account " + ui.Quote(c.New) + " already"}
	}
	if err := d.renameHistory(ctx, c, read.Accounts[indexOf(read, c.Old)].Repository, again); err != nil {
		return err
	}
	if err := d.change(func(text []byte) ([]byte, error) { return edit.Set(text, "accounts", i, "name", c.New) }); err != nil {
		return err
	}
	d.Note(newSheet)
	return nil
}

// newSheet says that the recovery sheet is out of date: it has a command line for each account. An
// account that was removed from the configuration stays in the repository and on the sheet.
const newSheet = "Print a new recovery sheet: mailstrata key sheet"

// noteSheet prints newSheet if the key of the repository makes a sheet.
func (d *dialog) noteSheet(ctx context.Context) {
	l, err := d.Location("")
	if err != nil {
		return
	}
	r, err := l.Open(ctx)
	if err != nil {
		return
	}
	defer r.Close()
	if r.Sealed() && r.CanRead() {
		d.Note(newSheet)
	}
}

// renameHistory renames the account in its repository. An account that was never archived has no
// history.
func (d *dialog) renameHistory(ctx context.Context, c *accountRename, repository string, again cli.Runner) error {
	args := append(d.Globals.Args(), "rename-account")
	f := &d.Flags
	for _, flag := range []struct{ name, value string }{
		{"repo", cmp.Or(f.Repo, repository)}, {"key-file", f.KeyFile}, {"password-file", f.PasswordFile}, {
			"password-command", f.PasswordCommand,
		},
	} {
		if flag.value != "" {
			args = append(args, "--"+flag.name+"="+flag.value)
		}
	}
	args = append(args, "--", c.Old, c.New) // either may begin with a dash
	from := d.Process
	from.Step = d.NewStep()
	switch status := again(ctx, from, args); {
	case status == cli.StatusDone, status == cli.StatusPartial:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return errors.New("the history keeps its name, so the configuration does too")
}

func indexOf(c *config.Config, name string) int {
	return slices.IndexFunc(c.Accounts, func(a config.Account) bool { return a.Name == name })
}
