package retain

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/mailstrata/mailstrata/archive/rewrite"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/named"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/internal/config"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/repo"
)

// Rename renames an account and its history.
type Rename struct {
	Old   string `arg:"" name:"account" help:"The account, as mailstrata list shows it."`
	New   string `arg:"" name:"new-name" help:"Its new name."`
	Merge bool   `help:"Add its history to that of an account which already has the new name."`
}

func (*Rename) Help() string {
	return `Gives the history of an account another name: mailstrata writes each manifest again under the new name, with its time and its tags, and marks the old ones. No mail is read or stored. Another rename undoes it.

Change the name in your configuration too (name under [[accounts]], or backup --name), before the next backup. A backup under the old name would begin a new history, and download the account again.

If a rename is interrupted, or a backup of the old name ended meanwhile, run the same command again. A manifest that is damaged or misdated keeps the old name. So does a copy in another repository: rename it there before the next copy. It needs an owner's key.

EXAMPLES

    mailstrata rename-account anna@old.example anna@new.example

EXIT STATUS

0 done; 1 failed, or an account has the new name and --merge is missing; 2 invalid command line; 3 done, but some manifests keep the old name; 130 interrupted.`
}

// renameSummary is a rename as JSON.
type renameSummary struct {
	Old     string            `json:"old"`
	New     string            `json:"new"`
	Renamed int               `json:"renamed"`
	Marked  int               `json:"marked"`
	Left    []damagedManifest `json:"left"`
}

func (c *Rename) Run(ctx context.Context, p *cli.Program) error {
	if c.Old == c.New || c.New == "" {
		return hint.Usagef("rename-account needs two different names")
	}
	if strings.ContainsFunc(c.New, unicode.IsControl) || strings.TrimSpace(c.New) != c.New {
		return hint.Usagef("%s is no good name: it begins or ends with a blank, or has a control character",
			ui.Quote(c.New))
	}
	r, err := p.OpenAsOwner(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	progress := p.Progress("renamed")
	progress.Begin("reading the history")
	renamed, err := rewrite.Rename(ctx, r, c.Old, c.New, c.Merge, func(repo.Head) { progress.Update("", ui.Tally{}) })
	progress.Done()
	switch {
	case errors.Is(err, rewrite.ErrNoAccount) && p.Process.Step != nil: // mailstrata account rename
		p.Note("%s has no history yet", ui.Safe(c.Old))
		return nil
	case errors.Is(err, rewrite.ErrNoAccount):
		return named.NoAccount(c.Old, named.Accounts(ctx, r))
	case errors.Is(err, rewrite.ErrExists):
		return &hint.Error{
			Text: fmt.Sprintf("account %s exists; nothing was changed", ui.Quote(c.New)),
			Hint: c.howToMerge(p), Err: err,
		}
	case err != nil:
		return fmt.Errorf("%w; run the same command again to complete it", err)
	}
	return c.report(p, renamed)
}

// howToMerge says how to add the history to the account that has the new name. mailstrata account
// rename has no --merge: it has no history to rename afterwards, and changes the configuration
// alone.
func (c *Rename) howToMerge(p *cli.Program) string {
	adds := " adds the history of " + ui.Quote(c.Old) + " to it"
	if p.Process.Step == nil {
		return "--merge" + adds
	}
	command := "mailstrata rename-account " + ui.ShellWord(c.Old) + " " + ui.ShellWord(c.New) + " --merge"
	if p.Flags.Repo != "" {
		command += " --repo " + ui.ShellWord(p.Flags.Repo)
	}
	return command + adds + "; then run mailstrata account rename again"
}

func (c *Rename) report(p *cli.Program, renamed *rewrite.Renamed) error {
	s := renameSummary{
		Old: c.Old, New: c.New, Renamed: renamed.Committed + renamed.Existing, Marked: renamed.Marked,
		Left: []damagedManifest{},
	}
	for _, left := range renamed.Left {
		s.Left = append(s.Left, damagedManifest{summary.ID(left.Head), left.Err.Error()})
		p.Warn("manifest %s keeps the old name: %s", summary.ShortID(left.Head), ui.OneLine(left.Err.Error()))
	}
	switch {
	case p.JSON:
		if err := p.PrintJSON(s); err != nil {
			return err
		}
	case s.Renamed+s.Marked == 0:
		p.Printf("nothing to rename")
	default:
		p.Printf("%s of %s renamed to %s", ui.Plural(int64(s.Renamed), "manifest"), ui.Safe(c.Old), ui.Safe(c.New))
	}
	if p.Process.Step == nil { // mailstrata account rename changes the configuration itself
		noteNewName(p, c.Old, c.New)
	}
	if len(s.Left) > 0 {
		return cli.Partial(ui.Plural(len(s.Left), "manifest") + " could not be renamed")
	}
	return nil
}

// noteNewName prints what the user must change.
func noteNewName(p *cli.Program, old, new string) {
	c, err := p.Config()
	if err != nil {
		c = &config.Config{}
	}
	switch {
	case c.Account(old) != nil:
		p.Warn("the configuration has the old name: change it to name = %s before the next backup, or it downloads the account again, under the old name. "+
			"An OAuth consent has the name too: mailstrata auth %s asks for it", ui.Quote(new), ui.Safe(new))
	case c.Account(new) == nil:
		p.Note("use the name %s from now on: name = %s in the configuration, or mailstrata backup --name %s",
			ui.Safe(new), ui.Quote(new), ui.Safe(new))
	}
	p.Note("a copy in another repository keeps the old name: run mailstrata rename-account there, too, before the next copy")
}
