package setup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/config"
	"github.com/mailstrata/mailstrata/internal/local"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// rest is what is left to do once the configuration is written. It is a file beside the
// configuration until all is done, so that the next setup finishes what was interrupted or failed.
type rest struct {
	Account string
	Often   often
	Timer   bool // to start
	Sheet   bool // to write
	Backup  bool
	Others  []string // accounts that the repository had before

	repository *config.Repository
}

// restOf returns what is to be done after the configuration of a plan. A writer's key opens no
// mail, so it has no sheet.
func restOf(p *plan) *rest {
	var others []string
	for _, known := range p.place.archived {
		if known.account != p.account.name {
			others = append(others, known.account)
		}
	}
	return &rest{
		Account: p.account.name, Others: others, Often: p.nights.often, Timer: p.nights.often != byHand,
		Sheet: !p.place.exists || p.place.mayRemove, Backup: true, repository: &p.place.repository,
	}
}

func (d *dialog) restPath() string { return d.configPath() + ".rest" }

// save writes what is left, or removes the file if that is nothing.
func (d *dialog) save(r *rest) error {
	if len(r.missing()) == 0 {
		if err := os.Remove(d.restPath()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return local.Replace(d.restPath(), append(text, '\n'))
}

// missing names what is left.
func (r *rest) missing() (names []string) {
	for _, step := range []struct {
		left bool
		name string
	}{{r.Timer, "the timer"}, {r.Sheet, "the recovery sheet"}, {r.Backup, "the first backup"}} {
		if step.left {
			names = append(names, step.name)
		}
	}
	return names
}

// left returns what an earlier setup left to do, or nil. A backup may have been made since.
func (d *dialog) left(ctx context.Context, c *config.Config) (*rest, error) {
	text, err := os.ReadFile(d.restPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	r := &rest{}
	if err == nil {
		err = json.Unmarshal(text, r)
	}
	if err != nil {
		return nil, fmt.Errorf("read what the last setup left: %w", err)
	}
	r.repository = c.Repository("")
	if c.Account(r.Account) == nil || r.repository == nil {
		r.Backup, r.Sheet = false, r.Sheet && r.repository != nil // it was removed or renamed since
	}
	if r.Backup {
		r.Backup = !d.archived(ctx, r)
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return r, d.save(r)
}

// archived reports whether the repository has a backup of the account. If it does not open, the
// backup says why.
func (d *dialog) archived(ctx context.Context, of *rest) bool {
	l, err := d.ConfiguredLocation(of.repository)
	if err != nil {
		return false
	}
	r, err := l.Open(ctx)
	if err != nil {
		return false
	}
	defer r.Close()
	accounts, err := archivedIn(ctx, r)
	return err == nil && slices.ContainsFunc(accounts, func(a archived) bool { return a.account == of.Account })
}

// resume offers to finish what an earlier setup left.
func (d *dialog) resume(ctx context.Context, c *config.Config, again cli.Runner) (finished bool, err error) {
	r, err := d.left(ctx, c)
	if err != nil || r == nil || len(r.missing()) == 0 {
		return false, err
	}
	d.Paragraph("The configuration " + ui.Safe(d.fromHome(c.File)) + " is there. Missing: " + strings.Join(r.missing(), ", ") + ".")
	yes, err := d.confirm(ctx, "Finish?")
	if err != nil || !yes {
		return false, err
	}
	n := &nights{often: r.Often}
	if r.Timer {
		n.timer = d.schedulers().Find(ctx)
	}
	return true, d.finish(ctx, r, n, again)
}

// interrupted says what is done and what is not, and returns why the setup ended.
func (d *dialog) interrupted(ctx context.Context, r *rest) error {
	done := []string{"the configuration"}
	if r.Often != byHand && !r.Timer {
		done = append(done, "the timer")
	}
	d.Say("")
	if missing := r.missing(); len(missing) == 1 && r.Backup {
		d.Paragraph("All is set up but the first backup: mailstrata backup continues it.")
	} else {
		d.Paragraph("Done: " + strings.Join(done, ", ") +
			". Missing: " + strings.Join(missing, ", ") + ". To finish, run mailstrata setup again.")
	}
	return context.Cause(ctx)
}
