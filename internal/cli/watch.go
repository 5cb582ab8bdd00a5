package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/mailstrata/mailstrata/internal/config"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/notify"
	"github.com/mailstrata/mailstrata/internal/secret"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// WatchFlags are the flags for monitoring a run.
type WatchFlags struct {
	Ping      string `group:"watch" placeholder:"URL" var:"MAILSTRATA_PING_URL" help:"Ping a monitor like healthchecks.io: /start, then the exit status with the end of the log. Anybody who knows the URL can ping it: a variable or a file is safer."`
	PingFile  string `group:"watch" placeholder:"FILE" type:"path" help:"File that holds the URL to ping."`
	Metrics   string `group:"watch" placeholder:"FILE" type:"path" help:"Write metrics for the textfile collector of Prometheus' node_exporter, which reads files that end in .prom."`
	OnFailure string `group:"watch" placeholder:"COMMAND" help:"Command to run if the exit status is not 0. It reads a summary, and gets MAILSTRATA_SUBJECT and MAILSTRATA_EXIT_STATUS."`
}

// Watched returns the flags, and marks a command that is monitored.
func (f *WatchFlags) Watched() *WatchFlags { return f }

// watcher monitors a run.
type watcher struct {
	flags   *WatchFlags
	run     notify.Run
	tail    *notify.Tail
	pinger  *notify.Pinger // nil: none
	started chan error     // the error of the first ping
}

// Watch begins to monitor a command, if monitoring is set. command is the name of the command,
// target what runs it.
func (p *Program) Watch(ctx context.Context, command string, target any) {
	watched, ok := target.(interface{ Watched() *WatchFlags })
	if !ok || p.Process.Step != nil {
		return
	}
	flags := *watched.Watched()
	configured := p.configuredWatch(command, target)
	flags.Metrics, flags.OnFailure = cmp.Or(flags.Metrics, configured.Metrics), cmp.Or(flags.OnFailure, configured.OnFailure)
	if flags == (WatchFlags{}) && configured.Ping.IsZero() {
		return
	}
	host, err := os.Hostname()
	if err != nil {
		host = "an unnamed host"
	}
	w := &watcher{
		flags: &flags, tail: new(notify.Tail),
		run: notify.Run{Command: command, Host: ui.Safe(host), Start: time.Now()},
	}
	p.Collect(w.tail)
	if w.pinger, err = p.pinger(ctx, w.flags, configured.Ping); err != nil {
		// The backup matters more than the monitor, and a monitor without a ping reports that.
		p.Warn("no monitor is pinged: %s", ui.OneLine(err.Error()))
	}
	if w.pinger != nil {
		w.started = make(chan error, 1)
		go func() { w.started <- w.pinger.Start(ctx) }()
	}
	p.watcher = w
}

// wholeCommand is a command that can do only a part of its work, as with --dry-run. The monitoring
// of the configuration is for whole runs.
type wholeCommand interface{ IsWhole() bool }

// configuredWatch returns the monitoring of the configuration for a whole run of the command, even
// if the configuration has errors: those must be reported too.
func (p *Program) configuredWatch(command string, target any) config.Watch {
	if some, ok := target.(wholeCommand); ok && !some.IsWhole() {
		return config.Watch{}
	}
	file, err := p.ConfigFile()
	if err != nil || file == "" {
		return config.Watch{}
	}
	c, _ := config.Load(file, p.Home(), nil)
	if c == nil {
		return config.Watch{}
	}
	return c.Watch[command]
}

// pinger returns the monitor of the flags or of the configuration, or nil.
func (p *Program) pinger(ctx context.Context, flags *WatchFlags, configured config.Secret) (*notify.Pinger, error) {
	address := flags.Ping
	if from := (secret.Source{Name: "URL to ping", File: flags.PingFile}); address == "" &&
		(from.File != "" || !configured.IsZero()) {
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

// end reports the end of the run to all monitors. It prints errors, and does not change the exit
// status.
func (w *watcher) end(ctx context.Context, p *Program, status int, failed error) {
	ctx = context.WithoutCancel(ctx) // report an interruption, too
	if failed != nil && len(w.run.Failed)+len(w.run.Accounts) == 0 && status != StatusInterrupted {
		w.run.Failed = []string{ui.OneLine(hint.Text(failed))}
	}
	w.run.End, w.run.Status, w.run.Outcome, w.run.Log = time.Now(), status, Meaning(status), w.tail.String()
	var errs []error
	if w.pinger != nil {
		errs = append(errs, <-w.started, w.pinger.End(ctx, status, w.run.Summary()))
	}
	if w.flags.Metrics != "" {
		errs = append(errs, notify.WriteMetrics(w.flags.Metrics, &w.run))
	}
	if w.flags.OnFailure != "" && status != StatusDone {
		errs = append(errs, notify.Call(ctx, w.flags.OnFailure, &w.run, os.Environ(), p.Process.Stderr))
	}
	if err := errors.Join(errs...); err != nil {
		p.Warn("%s", ui.OneLine(err.Error()))
	}
}

// Meaning returns an exit status in words.
func Meaning(status int) string {
	switch status {
	case StatusDone:
		return "done"
	case StatusUsage:
		return "invalid command line"
	case StatusPartial:
		return "done, with problems"
	case StatusShrunk:
		return "done, but an account shrank or changed suspiciously"
	case StatusInterrupted:
		return "interrupted"
	}
	return "failed"
}

// WatchAccount records the result of an account for monitors.
func (p *Program) WatchAccount(a notify.Account) {
	if p.watcher != nil {
		p.watcher.run.Accounts = append(p.watcher.run.Accounts, a)
	}
	if p.Process.Step != nil {
		p.Process.Step.Accounts = append(p.Process.Step.Accounts, a)
	}
}

// WatchRepository records how a repository is doing, for monitors.
func (p *Program) WatchRepository(r notify.Repository) {
	if p.watcher == nil {
		return
	}
	p.watcher.run.Repositories = append(p.watcher.run.Repositories, r)
	if !r.Damaged.IsZero() {
		p.WatchFailure("a check found damage in " + r.Location + ", first on " + ui.Time(r.Damaged))
	}
}

// WatchFailure records a sentence about what failed, with which the report to monitors begins.
func (p *Program) WatchFailure(sentence string) {
	if p.watcher != nil {
		p.watcher.run.Failed = append(p.watcher.run.Failed, sentence)
	}
}
