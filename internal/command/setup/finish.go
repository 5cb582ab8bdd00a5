package setup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/schedule"
	"github.com/mailstrata/mailstrata/internal/secret"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// finish starts the timer, writes the recovery sheet, makes the first backup, and says how to look into it. The
// configuration is there already, so an interruption loses nothing that a command does not make again.
func (d *dialog) finish(ctx context.Context, p *plan, again cli.Runner) error {
	if err := d.startTimer(ctx, p.nights); err != nil {
		return err
	}
	if err := d.writeSheet(p); err != nil {
		d.failed(fmt.Errorf("the recovery sheet was not written: %w", err))
		d.Paragraph("mailstrata key sheet prints one.")
	}
	if err := d.backUp(ctx, p.account, again); err != nil {
		return err
	}
	d.Say("")
	d.Paragraph("To look into it, to search, and to see it in a browser:")
	d.Say("    mailstrata ls latest")
	d.Say("    mailstrata find --subject hello")
	d.Say("    mailstrata serve --open")
	d.Paragraph("To bring back what was deleted, to this computer or into the account:")
	d.Say("    mailstrata restore latest --mailbox INBOX --to maildir:/tmp/try")
	d.Say("    mailstrata restore friday --mailbox INBOX --to " + ui.Safe(ui.ShellWord(p.account.name)))
	d.Paragraph("To see whether all goes well, and to add another account:")
	d.Say("    mailstrata status")
	d.Say("    mailstrata account add")
	return nil
}

// schedulers returns what runs timers on this host.
func (d *dialog) schedulers() *schedule.Host {
	return &schedule.Host{Home: d.Home(), Getenv: d.Getenv, Run: schedule.Run}
}

// startTimer starts a timer. If that fails, it says what to do, and the rest goes on.
func (d *dialog) startTimer(ctx context.Context, n *nights) error {
	if n.often == byHand {
		return nil
	}
	job, err := d.job(n)
	if err != nil {
		return err
	}
	if n.timer == nil {
		d.Paragraph("This computer has neither a systemd of your own nor cron, so no timer was started. Let it run this command " + n.word() + ":")
		d.Say("    " + ui.Safe(job.Line()))
		return nil
	}
	if err := n.timer.Install(ctx, job); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		d.failed(fmt.Errorf("no timer was started: %w", err))
		d.Paragraph("Let this computer run this command " + n.word() + ":")
		d.Say("    " + ui.Safe(job.Line()))
		return nil
	}
	d.Paragraph("Started " + n.timer.Name() + ": mailstrata runs " + n.word() + ". To end it: " + n.timer.Remove())
	return nil
}

// job returns what a timer runs. It names what this process finds by variables, which a timer lacks.
func (d *dialog) job(n *nights) (schedule.Job, error) {
	program, err := os.Executable()
	if err != nil { // without /proc
		program = "mailstrata"
	}
	job := schedule.Job{Program: program, Hourly: n.often == hourly}
	if d.Flags.ConfigFile != "" {
		path, err := filepath.Abs(d.Flags.ConfigFile)
		if err != nil {
			return job, err
		}
		job.Args = append(job.Args, "--config", path)
	}
	job.Args = append(job.Args, "run")
	for _, name := range []string{"XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"} {
		if value := d.Getenv(name); filepath.IsAbs(value) {
			job.Environ = append(job.Environ, name+"="+value)
		}
	}
	return job, nil
}

// writeSheet writes the recovery sheet to the home directory.
func (d *dialog) writeSheet(p *plan) error {
	l, err := d.ConfiguredLocation(&p.place.repository)
	if err != nil || p.place.exists && !p.place.mayRemove {
		return err // a writer's key opens no mail
	}
	s, err := l.Sheet(p.place.repository.Trust, []string{p.account.name})
	if err != nil {
		return err
	}
	page, err := s.HTML()
	if err != nil {
		return err
	}
	path := filepath.Join(d.Home(), "mailstrata-recovery-sheet.html")
	for n := 2; ; n++ {
		err := secret.WriteNew(path, page)
		if err == nil {
			break
		}
		if !errors.Is(err, os.ErrExist) || n > maxKeyFiles {
			return err
		}
		path = filepath.Join(d.Home(), fmt.Sprintf("mailstrata-recovery-sheet-%d.html", n))
	}
	d.Paragraph("Wrote the recovery sheet " + ui.Safe(d.fromHome(path)) + ". Open it in a browser and print it. Keep the paper away from this " +
		"computer, and delete the file.")
	return nil
}

// backUp runs mailstrata backup of an account.
func (d *dialog) backUp(ctx context.Context, a *account, again cli.Runner) error {
	d.section("The first backup")
	status := again(ctx, d.Process, append(d.Globals.Args(), "backup", a.name))
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	switch status {
	case cli.StatusDone:
		return nil
	case cli.StatusPartial:
		return cli.Partial("all is set up, but the first backup is not complete")
	case cli.StatusShrunk:
		return cli.Shrunk("all is set up, and the backup found something suspicious")
	}
	return errors.New("all is set up, but the first backup failed; mailstrata backup tries again")
}
