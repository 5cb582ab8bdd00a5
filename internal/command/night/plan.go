package night

import (
	"cmp"
	"context"
	"time"

	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/config"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/manifest/history"
)

// night is one run of all steps.
type night struct {
	*cli.Program
	again      cli.Runner
	configured *config.Config
	dry        bool // it only shows what would run
	steps      []*step
	unsafe     map[string]string // why nothing of a repository is deleted in this run, by its location
}

// step is a command that runs, or does not.
type step struct {
	command    string
	repository string           // its name, or its location; "": all
	at         *access.Location // of the repository; nil: all
	args       []string
	deletes    bool   // it runs only if the repository is safe
	skip       string // why it does not run; "": it does

	began, ended time.Time
	status       int
	err          error
	results      []byte // what it printed as JSON
}

// plan decides which steps run, and opens each repository to see whether the keys are there.
func (n *night) plan(ctx context.Context) (err error) {
	n.ListUsers = true
	if n.configured, err = n.Config(); err != nil {
		return err
	}
	c := n.configured
	repositories := c.Repositories
	if len(repositories) == 0 {
		repositories = []config.Repository{{}} // the user's own
	}
	if c.LacksAccounts() {
		n.Warn("%s", config.NoAccount)
	}
	if len(c.Accounts) > 0 {
		n.steps = append(n.steps, &step{command: "backup", args: []string{"backup"}})
	}
	for i := range repositories {
		if err := n.planRepository(ctx, &repositories[i]); err != nil {
			return err
		}
	}
	if len(n.steps) == 0 {
		return &hint.Usage{
			Text: "the configuration has nothing to run",
			Hint: "it names no accounts, and neither check nor prune under [run]",
		}
	}
	return nil
}

// planRepository adds the steps of a repository.
func (n *night) planRepository(ctx context.Context, r *config.Repository) error {
	c := n.configured
	maintained := c.Maintained(r) || len(c.Repositories) == 0
	prunes, checks := maintained && c.Run.Prune != history.Span{}, maintained && c.Run.Check != history.Span{}
	if !prunes && !checks && r.CopyTo == "" && !c.Archives(r) {
		return nil
	}
	l, err := n.Location(cmp.Or(r.Name, r.Place))
	if err != nil {
		return err
	}
	keys, err := n.keysFor(ctx, r, l, prunes)
	if err != nil {
		return err
	}
	add := func(command string, owner bool, args ...string) *step {
		s := &step{command: command, repository: describe(r, l), at: l, args: append([]string{command}, args...)}
		if name := cmp.Or(r.Name, r.Place); name != "" {
			s.args = append(s.args, "--repo="+name)
		}
		if owner && keys.owner != "" {
			s.args = append(s.args, "--key-file="+keys.owner)
		}
		n.steps = append(n.steps, s)
		return s
	}
	if r.CopyTo != "" {
		if err := n.mayCopy(ctx, r); err != nil {
			return err
		}
		add("copy", !keys.own.reads, "--to="+r.CopyTo)
	}
	if checks {
		add("check", false, "--read-data-within="+c.Run.Check.String())
	}
	if prunes {
		n.planPrune(l, add)
	}
	return nil
}

// mayCopy returns an error if the key of the target is missing.
func (n *night) mayCopy(ctx context.Context, r *config.Repository) error {
	to, err := n.Location(r.CopyTo)
	if err == nil {
		_, err = n.keyOf(ctx, to, n.target(ctx, to), ui.Safe(r.CopyTo))
	}
	return err
}

// planPrune adds forget and prune.
func (n *night) planPrune(l *access.Location, add func(command string, owner bool, args ...string) *step) {
	var steps []*step
	if !n.configured.Retention.IsZero() {
		steps = append(steps, add("forget", true, "--yes"))
	}
	steps = append(steps, add("prune", true))
	last, due := n.LastPrune(l), n.configured.Run.Prune.Before(time.Now())
	for _, s := range steps {
		s.deletes = true
		if day(last).After(day(due)) {
			s.skip = "it is not due: the last one was on " + last.Local().Format(time.DateOnly)
		}
	}
}

// day returns the beginning of the day of a time. Runs begin at about the same time of a day, so
// days count and not hours.
func day(t time.Time) time.Time {
	year, month, date := t.Local().Date()
	return time.Date(year, month, date, 0, 0, 0, 0, time.Local)
}
