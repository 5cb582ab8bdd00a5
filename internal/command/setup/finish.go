package setup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/schedule"
	"github.com/mailstrata/mailstrata/internal/secret"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// finish starts the timer, writes the recovery sheet, makes the first backup, and says how to look
// into it. The configuration is there already. What is interrupted or fails stays in the file of
// the rest.
func (d *dialog) finish(ctx context.Context, r *rest, n *nights, again cli.Runner) error {
	if r.Timer {
		started, err := d.startTimer(ctx, n)
		if err != nil {
			return cmp.Or(d.interruption(ctx, r), err)
		}
		r.Timer = !started
	}
	if r.Sheet {
		if err := d.writeSheet(r); err != nil {
			d.failed(fmt.Errorf("the recovery sheet was not written: %w", err))
			d.Paragraph("mailstrata key sheet prints one.")
		} else {
			r.Sheet = false
		}
	}
	if err := d.save(r); err != nil {
		return err
	}
	if r.Backup {
		made, err := d.backUp(ctx, r.Account, again)
		r.Backup = !made
		if saved := d.save(r); saved != nil {
			err = cmp.Or(err, saved)
		}
		if err != nil {
			return cmp.Or(d.interruption(ctx, r), err)
		}
	}
	d.sayMore(r)
	return nil
}

// interruption says what is missing if the setup was interrupted, and returns why; nil: it was not.
func (d *dialog) interruption(ctx context.Context, r *rest) error {
	if ctx.Err() == nil {
		return nil
	}
	return d.interrupted(ctx, r)
}

// sayMore says what is possible now, and what is missing yet.
func (d *dialog) sayMore(r *rest) {
	latest := "latest"
	if len(r.Others) > 0 { // alone, it would be that of several accounts
		latest = ui.ShellWord(r.Account + "@latest")
	}
	d.Say("")
	d.Paragraph("To look into it, to search, and to see it in a browser:")
	d.Say("    mailstrata ls " + ui.Safe(latest))
	d.Say("    mailstrata find --subject hello")
	d.Say("    mailstrata serve --open")
	d.Paragraph("To bring back what was deleted, to this computer or into the account. In the place of latest, friday is the backup " +
		"of that day:")
	d.Say("    mailstrata restore " + ui.Safe(latest) + " --mailbox INBOX --to maildir:/tmp/try")
	d.Say("    mailstrata restore " + ui.Safe(latest) + " --mailbox INBOX --to " + ui.Safe(ui.ShellWord(r.Account)))
	d.Paragraph("To see whether all goes well, and to add another account:")
	d.Say("    mailstrata status")
	d.Say("    mailstrata account add")
	if missing := r.missing(); len(missing) > 0 {
		d.Paragraph("Missing: " + strings.Join(missing, ", ") + ". To try again, run mailstrata setup again.")
	}
}

// schedulers returns what runs timers on this host.
func (d *dialog) schedulers() *schedule.Host {
	return schedule.This(d.Home(), d.Getenv)
}

// startTimer starts a timer, and reports whether that is done. If it fails, startTimer says what to
// do, and the rest goes on.
func (d *dialog) startTimer(ctx context.Context, n *nights) (started bool, err error) {
	job, err := d.job(n)
	if err != nil {
		return false, err
	}
	if n.timer == nil {
		d.Paragraph("This computer has neither a systemd of your own nor cron, so no timer was started. Let it run this command " + n.word() + ":")
		d.Say("    " + ui.Safe(job.Line()))
		return true, nil // by its user
	}
	if other := n.timer.Other(ctx, job); other != "" {
		d.Paragraph("There is " + n.timer.Name() + " of mailstrata already. It runs:")
		d.Say("    " + ui.Safe(other))
		if replace, err := d.doubt(ctx, "Replace it, so that this no longer runs?"); err != nil || !replace {
			d.Paragraph("It stays. Let this computer run this command too, " + n.word() + ":")
			d.Say("    " + ui.Safe(job.Line()))
			return err == nil, err
		}
	}
	if err := n.timer.Install(ctx, job); err != nil {
		if ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
		d.failed(fmt.Errorf("no timer was started: %w", err))
		d.Paragraph("Let this computer run this command " + n.word() + ":")
		d.Say("    " + ui.Safe(job.Line()))
		return false, nil
	}
	d.Paragraph("Set up " + n.timer.Name() + ": mailstrata runs " + n.word() + ". To end it: " + n.timer.Remove())
	if limit := n.timer.Limit(ctx); limit != "" {
		d.Paragraph(limit)
	}
	return true, nil
}

// job returns what a timer runs. It names what this process finds by variables, which a timer
// lacks.
func (d *dialog) job(n *nights) (schedule.Job, error) {
	program := programPath()
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

// programPath returns the path of this program: that in PATH if it leads to it, because a package
// manager may have the version in the other.
func programPath() string {
	program, err := os.Executable()
	if err != nil { // without /proc
		return "mailstrata"
	}
	found, err := exec.LookPath(filepath.Base(program))
	if err != nil || !filepath.IsAbs(found) {
		return program
	}
	one, err := os.Stat(program)
	other, errOther := os.Stat(found)
	if err != nil || errOther != nil || !os.SameFile(one, other) {
		return program
	}
	return found
}

// writeSheet writes the recovery sheet to the home directory.
func (d *dialog) writeSheet(r *rest) error {
	l, err := d.ConfiguredLocation(r.repository)
	if err != nil {
		return err
	}
	s, err := l.Sheet(r.repository.Trust, append([]string{r.Account}, r.Others...))
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

// backUp runs mailstrata backup of an account, and reports whether there is a backup now.
func (d *dialog) backUp(ctx context.Context, account string, again cli.Runner) (made bool, err error) {
	d.section("The first backup")
	status := again(ctx, d.Process, append(d.Globals.Args(), "backup", "--", account))
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	switch status {
	case cli.StatusDone:
		return true, nil
	case cli.StatusPartial:
		return true, cli.Partial("all is set up, but the first backup is not complete")
	case cli.StatusShrunk:
		return true, cli.Shrunk("all is set up, and the backup found something suspicious")
	}
	return false, errors.New("all is set up, but the first backup failed; mailstrata backup tries again")
}
