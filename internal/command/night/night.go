// Package night has the command run: all that is scheduled, as one run with one report.
//
//	keys.go     which key each step needs, and whether this host has it
//	plan.go     the steps, in order: backup; then copy, check, forget and prune of each repository
//	steps.go    runs them, each as its own command would, and decides which ones still may
//	report.go   prints what became of them
//
// It drives the other commands by their command lines, because no package of commands imports
// another. A step does what the command does, and prints the same.
package night

import (
	"context"
	"path/filepath"

	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/local"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// Command does what the configuration schedules.
type Command struct {
	DryRun bool `short:"n" help:"Only show what would run, and whether its keys are there."`

	cli.WatchFlags `embed:""`
}

// IsWhole reports whether the run does more than to show something.
func (c *Command) IsWhole() bool { return !c.DryRun }

func (*Command) Help() string {
	return `Does what the configuration schedules (docs/config.md), one after the other, with one report to monitors ([watch.run]): backup of all accounts; then for each repository copy (copy_to), check (check under [run]), and forget by [retention] and prune (prune under [run]). What the configuration does not name does not run. Each step is the command of that name, which you can run by itself too; --dry-run prints the command lines.

forget and prune need an owner's key: keeper_key_file, or else the key of the backups. A thief of a host with such a key can delete the archive. So a keeper_key_file on a host that also archives into the repository is refused, unless insecure_keeper_key_beside allows it: run forget and prune on another host, with a configuration that has no accounts. A missing key, or one that does not allow a step, ends the run before the first step.

A step that fails does not stop the others. But nothing of a repository is forgotten or pruned in a run in which the backup of one of its accounts failed or raised an alarm, or in which its copy or its check failed, and a forget that fails stops the prune after it. If check finds damage, in this run or before, nothing is forgotten or pruned there until a check that reads as much finds none: what is left of good copies stays. When the backup was interrupted, nothing else runs. With --quiet, a run prints nothing unless something went wrong. Of two runs on a host, the second waits.

EXAMPLES

    mailstrata run --dry-run
    mailstrata run
    mailstrata run --json --ping-file /etc/mailstrata/ping

EXIT STATUS

That of the worst step: 0 done; 1 a step failed; 2 invalid command line or configuration, or a key is missing: nothing ran; 3 done, but some messages could not be read, check found problems, or nothing was deleted because of damage; 4 done, but an account shrank or changed suspiciously; 130 interrupted.`
}

func (c *Command) Run(ctx context.Context, p *cli.Program, again cli.Runner) error {
	if err := fromConfiguration(p); err != nil {
		return err
	}
	if !c.DryRun {
		unlock, err := wait(ctx, p)
		if err != nil {
			return err
		}
		defer unlock()
	}
	n := &night{Program: p, again: again, dry: c.DryRun, unsafe: make(map[string]string)}
	if err := n.plan(ctx); err != nil {
		return err
	}
	if c.DryRun {
		n.foresee()
		return n.report(true)
	}
	for _, s := range n.steps {
		n.step(ctx, s)
	}
	if err := n.report(false); err != nil {
		return err
	}
	return n.outcome()
}

// fromConfiguration returns an error unless the configuration alone says what to do.
func fromConfiguration(p *cli.Program) error {
	f := &p.Host.Flags
	switch {
	case f.Repo != "":
		return &hint.Usage{Text: "run takes the repositories from the configuration",
			Hint: "leave out --repo and MAILSTRATA_REPO; [run] repositories names those to check and to prune"}
	case f.KeyFile != "" && !p.ByVariable["key-file"], f.PasswordFile != "", f.PasswordCommand != "", f.Trust != "":
		return hint.Usagef("run takes the keys of the repositories from the configuration")
	}
	file, err := p.ConfigFile()
	if err == nil && (file == "" || file == "/dev/null") {
		err = &hint.Usage{Text: "there is no configuration, and run needs one", Hint: "mailstrata setup makes one, and docs/config.md shows one; mailstrata backup --imap imaps://user@host needs none"}
	}
	return err
}

// wait waits for another run on this host to end.
func wait(ctx context.Context, p *cli.Program) (unlock func(), err error) {
	state, err := p.StateDir()
	if err != nil {
		return nil, err
	}
	unlock, _, err = local.Lock(ctx, filepath.Join(state, "run.lock"), func(process string) {
		if process != "" {
			process = " (process " + process + ")"
		}
		p.Say("waiting for another mailstrata run of this host" + ui.Safe(process))
	})
	return unlock, err
}
