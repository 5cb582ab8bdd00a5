package restore

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/named"
	"github.com/mailstrata/mailstrata/internal/config"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/job"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/restore"
)

// destination returns where --to is.
func (c *Command) destination(p *cli.Program) (*job.Destination, error) {
	destination, err := job.ParseDestination(p.Host, c.To, &job.TargetFlags{
		Layout: c.Layout, EOL: c.EOL, Account: c.AccountFlags,
	})
	if wrong := new(hint.Usage); errors.As(err, &wrong) && strings.HasPrefix(wrong.Text, "--to") &&
		!strings.Contains(c.To, ":") {
		wrong.Hint += "; --recipient selects the mail to somebody"
	}
	return destination, err
}

// offerTarget sets --to, which is missing, to the account that the manifest is of, if there is a
// terminal: the user confirms the restore later. It returns the open repository, or an error that
// names the account.
func (c *Command) offerTarget(ctx context.Context, p *cli.Program) (*repo.Repo, error) {
	missing := &hint.Usage{
		Text: "--to is missing",
		Hint: "--to maildir:PATH, --to mbox:PATH, --to eml:PATH, or --to imaps://user@host",
	}
	if isPath(c.Box) {
		missing.Hint = fmt.Sprintf("--to maildir:%s restores to a Maildir there; or --to mbox:PATH, --to eml:PATH, --to zip:FILE", ui.ShellWord(c.Box))
		return nil, missing
	}
	r, err := p.Open(ctx)
	if err != nil {
		return nil, missing
	}
	contents, err := named.Manifest(ctx, p.Output, r, c.Manifest)
	if err != nil {
		r.Close()
		return nil, err
	}
	source := contents.Manifest.Source
	if _, files := config.ParseFiles(source); files { // they cannot be restored into, or are in use
		r.Close()
		return nil, missing
	}
	if account, err := p.AccountAt(source); err == nil && account.Configured.URL != "" {
		source = account.Name // with its login
	}
	if p.HasTerminal() && !c.Yes {
		c.To, c.offered = source, true
		p.Note("--to is missing: this is a restore into %s, the account that was archived", ui.Safe(source))
		return r, nil
	}
	r.Close()
	missing.Hint = fmt.Sprintf("--to %s restores into the account it came from, and only adds what is missing there; "+
		"or --to maildir:PATH, --to eml:PATH", ui.ShellWord(source))
	return nil, missing
}

// adviseRefused adds to the error of a target that refuses everything what the user can do.
func adviseRefused(err error) error {
	var all *restore.RefusedError
	if !errors.As(err, &all) || hint.For(err) != "" {
		return err
	}
	return &hint.Error{Text: err.Error(), Err: err,
		Hint: "look at the rights and the room of that account, and restore again; until then, --to maildir:PATH " +
			"restores to files"}
}

// isPath reports whether the argument after the manifest is a path, which is what other programs
// take there. Few mailboxes have such names.
func isPath(argument string) bool {
	return filepath.IsAbs(argument) || slices.ContainsFunc([]string{"./", "../", "~/"}, func(begins string) bool {
		return strings.HasPrefix(argument, begins)
	})
}

// confirm returns what asks before mail is added to an account on a server, or nil: a user who
// named the manifest and the target knows both.
func (c *Command) confirm(p *cli.Program, chosen bool) func(context.Context, restore.Plan) error {
	kind, _, isFiles := strings.Cut(c.To, ":")
	switch {
	case c.Yes, c.DryRun, c.Prune, !p.HasTerminal():
		return nil
	case c.offered:
	case chosen && c.DeletedSince == "" && !c.All, isFiles && job.IsFiles(kind):
		return nil
	}
	return func(ctx context.Context, plan restore.Plan) error {
		question := fmt.Sprintf("Add %s in %s, %s, to %s, as far as they are missing there? Nothing else changes. [y/N] ",
			ui.Plural(plan.Messages, "message"), ui.Plural(plan.Mailboxes, "mailbox"), ui.Size(plan.Bytes), ui.Safe(c.To))
		return p.Confirm(ctx, question, ui.ErrNoTerminal, func(answer string) bool {
			return strings.EqualFold(answer, "y") || strings.EqualFold(answer, "yes")
		})
	}
}
