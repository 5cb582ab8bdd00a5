package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/alecthomas/kong"

	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/internal/config"
	"github.com/mailstrata/mailstrata/internal/notify"
	"github.com/mailstrata/mailstrata/internal/secret"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// watchFlags are the flags for monitoring a run.
type watchFlags struct {
	Ping      string `group:"watch" placeholder:"URL" var:"MAILSTRATA_PING_URL" help:"Ping a monitor like healthchecks.io: /start, then the exit status with the end of the log. Anybody who knows the URL can ping it: a variable or a file is safer."`
	PingFile  string `group:"watch" placeholder:"FILE" type:"path" help:"File that holds the URL to ping."`
	Metrics   string `group:"watch" placeholder:"FILE" type:"path" help:"Write metrics for the textfile collector of Prometheus' node_exporter, which reads files that end in .prom."`
	OnFailure string `group:"watch" placeholder:"COMMAND" help:"Command to run if the exit status is not 0. It reads a summary, and gets MAILSTRATA_SUBJECT and MAILSTRATA_EXIT_STATUS."`
}

func (f *watchFlags) watched() *watchFlags { return f }

// watch is a run that is monitored.
type watch struct {
	flags   *watchFlags
	run     notify.Run
	tail    *notify.Tail
	pinger  *notify.Pinger // nil: none
	started chan error     // the error of the first ping
}

// newWatch begins to monitor the command. It returns nil if no monitoring is set.
func (p *program) newWatch(ctx context.Context, command *kong.Context) *watch {
	target, ok := command.Selected().Target.Addr().Interface().(interface{ watched() *watchFlags })
	if !ok {
		return nil
	}
	flags := *target.watched()
	configured := p.configuredWatch(command)
	flags.Metrics, flags.OnFailure = cmp.Or(flags.Metrics, configured.Metrics), cmp.Or(flags.OnFailure, configured.OnFailure)
	if flags == (watchFlags{}) && configured.Ping.IsZero() {
		return nil
	}
	host, err := os.Hostname()
	if err != nil {
		host = "an unnamed host"
	}
	w := &watch{flags: &flags, tail: new(notify.Tail),
		run: notify.Run{Command: command.Selected().Path(), Host: ui.Safe(host), Start: time.Now()}}
	p.Collect(w.tail)
	if w.pinger, err = p.pinger(ctx, w.flags, configured.Ping); err != nil {
		// The backup matters more than the monitor, and a monitor without a ping reports that.
		p.Warn("no monitor is pinged: %s", ui.OneLine(err.Error()))
	}
	if w.pinger != nil {
		w.started = make(chan error, 1)
		go func() { w.started <- w.pinger.Start(ctx) }()
	}
	return w
}

// wholeCommand is a command that can do only a part of its work, as with --dry-run. The monitoring of the configuration
// is for whole runs.
type wholeCommand interface{ isWhole() bool }

// configuredWatch returns the monitoring of the configuration for a whole run of the command, even if the configuration
// has errors: those must be reported too.
func (p *program) configuredWatch(command *kong.Context) config.Watch {
	if some, ok := command.Selected().Target.Addr().Interface().(wholeCommand); ok && !some.isWhole() {
		return config.Watch{}
	}
	file, err := p.ConfigFile()
	if err != nil || file == "" {
		return config.Watch{}
	}
	c, _ := config.Load(file, p.Home())
	if c == nil {
		return config.Watch{}
	}
	return c.Watch[command.Selected().Path()]
}

// pinger returns the monitor of the flags or of the configuration, or nil.
func (p *program) pinger(ctx context.Context, flags *watchFlags, configured config.Secret) (*notify.Pinger, error) {
	address := flags.Ping
	if from := (secret.Source{Name: "URL to ping", File: flags.PingFile}); address == "" && (from.File != "" || !configured.IsZero()) {
		if from = from.Or(configured); !p.Secrets.Given(from) {
			return nil, fmt.Errorf("the variable %s is not set", from.Variable)
		}
		text, err := p.Secrets.Read(ctx, from)
		if err != nil {
			return nil, err
		}
		address = string(text)
	}
	if address == "" {
		return nil, nil
	}
	pinger, err := notify.NewPinger(address, nil)
	if err != nil {
		return nil, fmt.Errorf("%w; check --ping (MAILSTRATA_PING_URL), --ping-file or the configuration", err)
	}
	return pinger, nil
}

// end reports the end of the run to all monitors. It prints errors, and does not change the exit status.
func (w *watch) end(ctx context.Context, p *program, status int) {
	ctx = context.WithoutCancel(ctx) // report an interruption, too
	w.run.End, w.run.Status, w.run.Outcome, w.run.Log = time.Now(), status, meaning(status), w.tail.String()
	var errs []error
	if w.pinger != nil {
		errs = append(errs, <-w.started, w.pinger.End(ctx, status, w.run.Summary()))
	}
	if w.flags.Metrics != "" {
		errs = append(errs, notify.WriteMetrics(w.flags.Metrics, &w.run))
	}
	if w.flags.OnFailure != "" && status != statusDone {
		errs = append(errs, notify.Call(ctx, w.flags.OnFailure, &w.run, os.Environ(), p.stderr))
	}
	if err := errors.Join(errs...); err != nil {
		p.Warn("%s", ui.OneLine(err.Error()))
	}
}

// meaning returns an exit status in words.
func meaning(status int) string {
	switch status {
	case statusDone:
		return "done"
	case statusUsage:
		return "invalid command line"
	case statusPartial:
		return "done, with problems"
	case statusShrunk:
		return "done, but an account shrank or changed suspiciously"
	case statusInterrupted:
		return "interrupted"
	}
	return "failed"
}

// addAccount records the result of an account.
func (w *watch) addAccount(b *backup.Result) {
	if w == nil {
		return
	}
	a := notify.Account{Name: ui.Safe(b.Account)}
	if b.Err != nil {
		a.Status, a.Err = statusFailed, cmp.Or(ui.OneLine(b.Err.Error()), "unknown")
		w.run.Accounts = append(w.run.Accounts, a)
		return
	}
	s := summarize(b.Head, b.Manifest)
	a.Messages, a.Bytes, a.NewMessages, a.NewBytes = s.Messages, s.Bytes, s.NewMessages, s.NewBytes
	a.Failures, a.Alarms, a.End, a.Duration = s.Failures, int64(s.Alarms), s.End, s.End.Sub(s.Start)
	switch {
	case a.Alarms > 0:
		a.Status = statusShrunk
	case a.Failures > 0, b.Locks != nil:
		a.Status = statusPartial
	}
	w.run.Accounts = append(w.run.Accounts, a)
}
