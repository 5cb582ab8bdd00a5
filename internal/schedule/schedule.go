// Package schedule runs mailstrata at times, by what this host has for that: a timer of the user's
// systemd, launchd of macOS, the Task Scheduler of Windows, or cron. All of these are the user's
// own, and need no rights of an administrator.
//
// Each kind is a file: what is written, and the commands that make it count. Installing again
// replaces what was installed before. [Timer] says beforehand if that is something else, such as
// the job of another configuration.
package schedule

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// Job is what to run.
type Job struct {
	Program string   // its absolute path
	Args    []string // of the program
	Hourly  bool     // else once a night
	Environ []string // variables (NAME=value) that the program needs, and that a timer would lack
}

// Timer is a kind of scheduler that this host has.
type Timer interface {
	// Install makes the job run from now on.
	Install(ctx context.Context, j Job) error
	// Other returns what an installed timer of this name runs, if that is not the job, or if
	// somebody has written it by hand; "": nothing is lost by installing.
	Other(ctx context.Context, j Job) string
	// Name returns what it is: "a systemd timer".
	Name() string
	// Remove returns the command line that ends it.
	Remove() string
	// Session reports whether the job runs in the session of the user, who has logged in, and so
	// has the keyring.
	Session() bool
	// Limit says when the job does not run, as a sentence; "": nothing is known.
	Limit(ctx context.Context) string
}

// Host is what the timers work with.
type Host struct {
	Home   string
	Getenv func(string) string

	// Processes returns the names of the processes that run; nil: they are not known.
	Processes func() []string

	// Run runs a program with an input, and returns what it prints. A program that is missing is
	// exec.ErrNotFound.
	Run func(ctx context.Context, input []byte, name string, args ...string) ([]byte, error)
}

// This returns the host on which this process runs.
func This(home string, getenv func(string) string) *Host {
	return &Host{Home: home, Getenv: getenv, Processes: Processes, Run: Run}
}

// patience is how long a program of a scheduler may take.
const patience = 15 * time.Second

// Run runs a program of this host.
func Run(ctx context.Context, input []byte, name string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	command := exec.CommandContext(ctx, name, args...)
	apart(command)
	var printed, failed bytes.Buffer
	command.Stdin, command.Stdout, command.Stderr = bytes.NewReader(input), &printed, &failed
	err := command.Run()
	if exit := new(exec.ExitError); errors.As(err, &exit) && !exit.Exited() {
		// Until the program is apart, Ctrl-C ends it too, perhaps before ctx.
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
	if said := strings.TrimSpace(failed.String()); err != nil && said != "" {
		err = fmt.Errorf("%s: %w: %s", name, err, said)
	} else if err != nil {
		err = fmt.Errorf("%s: %w", name, err)
	}
	return printed.Bytes(), err
}

// Find returns the timer of this host, or nil if it has none.
func (h *Host) Find(ctx context.Context) Timer {
	switch runtime.GOOS {
	case "darwin":
		return &launchd{h}
	case "windows":
		return &tasks{h}
	}
	if _, err := h.Run(ctx, nil, "systemctl", "--user", "show-environment"); err == nil {
		return &systemd{h}
	}
	if _, err := h.Run(ctx, nil, "crontab", "-l"); !errors.Is(err, exec.ErrNotFound) {
		return &cron{h}
	}
	return nil
}

// Runs returns what the user's own scheduler runs of mailstrata, written by setup or by hand; "":
// nothing. isUnit reports whether it is a unit of systemd, which may not be active.
func (h *Host) Runs(ctx context.Context) (runs string, isUnit bool) {
	switch timer := h.Find(ctx).(type) {
	case nil:
		return "", false
	case *cron:
		table, _ := timer.table(ctx)
		for line := range strings.Lines(table) {
			if line = strings.TrimSpace(line); !strings.HasPrefix(line, "#") && strings.Contains(line, "mailstrata") {
				return "your cron table: " + line, false
			}
		}
		return "", false
	case *systemd:
		runs = timer.Other(ctx, Job{})
		return runs, runs != ""
	default:
		return timer.Other(ctx, Job{}), false
	}
}

// write writes a file of a scheduler, which may not contain secrets.
func write(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

// all runs commands until one fails.
func (h *Host) all(ctx context.Context, commands ...[]string) error {
	for _, c := range commands {
		if _, err := h.Run(ctx, nil, c[0], c[1:]...); err != nil {
			return err
		}
	}
	return nil
}
