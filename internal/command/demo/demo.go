// Package demo has the command demo: it runs other commands in this process, with a mail server of
// its own.
package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/internal/demo"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// Command shows a backup and a restore with sample mail.
type Command struct {
	Keep string `type:"path" placeholder:"DIR" help:"Use this directory, and keep all files in it."`
}

func (*Command) Help() string {
	return `Starts a mail server with sample mail inside this process, and backs up its account. Then the server loses a mailbox, a second backup runs, and the mail of the first backup is restored and compared. You see real commands and their output. Without --keep, nothing is left behind.

EXAMPLES

    mailstrata demo
    mailstrata demo --keep /tmp/demo

EXIT STATUS

0 the restored mail is what was archived; 1 it is not, or something failed; 2 invalid command line; 130 interrupted.`
}

// demoRun is a running demo.
type demoRun struct {
	*cli.Program
	again   cli.Runner
	dir     string
	server  *demo.Server
	account *demo.Account
	environ map[string]string
}

// The account of the demo. Only this process uses its server.
const (
	demoUser     = "anna"
	demoPassword = "a password that nobody needs to know"
)

func (c *Command) Run(ctx context.Context, p *cli.Program, again cli.Runner) (err error) {
	s := &demoRun{Program: p, again: again, dir: c.Keep}
	if s.dir == "" {
		if s.dir, err = os.MkdirTemp("", "mailstrata-demo-"); err != nil {
			return fmt.Errorf("make a directory for the demo: %w", err)
		}
		signal.Ignore(syscall.SIGPIPE) // which would end the process before it removes the directory, as with "| head"
		defer func() { err = errors.Join(err, os.RemoveAll(s.dir)) }()
	}
	if err := s.setUp(); err != nil {
		return err
	}
	defer s.server.Close()
	if err := s.run(ctx); err != nil {
		return err
	}
	return s.compare(ctx, c.Keep != "")
}

// setUp starts the mail server, and keeps the demo away from the user's own configuration,
// repository, keys and caches.
func (d *demoRun) setUp() (err error) {
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		return fmt.Errorf("make a directory for the demo: %w", err)
	}
	if d.server, err = demo.Start(demo.Options{}); err != nil {
		return err
	}
	if d.account, err = d.server.AddAccount(demoUser, demoPassword); err == nil {
		err = demo.Fill(d.account)
	}
	if err != nil {
		return errors.Join(err, d.server.Close())
	}
	d.environ = map[string]string{
		"MAILSTRATA_CONFIG":        os.DevNull,
		"MAILSTRATA_REPO":          filepath.Join(d.dir, "repository"),
		"MAILSTRATA_KEY_FILE":      filepath.Join(d.dir, "key"),
		"MAILSTRATA_CACHE_DIR":     filepath.Join(d.dir, "cache"),
		"XDG_STATE_HOME":           filepath.Join(d.dir, "state"),
		"MAILSTRATA_IMAP_PASSWORD": demoPassword,
	}
	return nil
}

// run runs the steps of the demo, each after a sentence about it.
func (d *demoRun) run(ctx context.Context) error {
	url := d.server.URL(demoUser)
	samples := 0
	for range demo.Samples() {
		samples++
	}
	d.narrate("Anna has %s on an IMAP server: %s", ui.Plural(samples, "message"), url)
	d.showCommand("export",
		"MAILSTRATA_REPO="+d.environ["MAILSTRATA_REPO"], "MAILSTRATA_KEY_FILE="+d.environ["MAILSTRATA_KEY_FILE"])
	backup := []string{"backup", "--imap", url, "--name", demoUser}
	restore := d.restore()
	for _, step := range []struct {
		sentence string
		command  []string
	}{
		{"Create a repository. Only the key file opens it.",
			[]string{"init", "--new-key-file", d.environ["MAILSTRATA_KEY_FILE"]}},
		{"The first night: everything is new.", backup},
		{"In the morning the server loses a mailbox, " + ui.Quote(demo.Lost) + ".", nil},
		{"The second night: nothing is new. The mailbox is missing from this manifest only.", backup},
		{"Days later Anna asks for that mailbox. List the nights:", []string{"list"}},
		{"The one before the newest still has it:", []string{"ls", "latest~1", demo.Lost}},
		{"Restore all mail of that night to a Maildir.", restore},
		{"Again: nothing is added twice.", restore},
		{"Verify the repository:", []string{"check", "--read-data"}},
	} {
		d.narrate("%s", step.sentence)
		var err error
		if step.command == nil {
			err = d.account.Lose(demo.Lost)
		} else {
			err = d.perform(ctx, step.command)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// restore returns the command line that restores the first night.
func (d *demoRun) restore() []string {
	return []string{"restore", "latest~1", "--to", "maildir:" + filepath.Join(d.dir, "restored"), "--with-deleted"}
}

// perform shows a command, runs it, and shows what it prints. The command writes to the output of
// the demo itself: what it prints fits a terminal, and is in the order in which it was printed.
func (d *demoRun) perform(ctx context.Context, args []string) error {
	d.showCommand(append([]string{"mailstrata"}, args...)...)
	printed := d.Process.Stdout
	if d.JSON {
		printed = io.Discard
	}
	return d.call(ctx, printed, append(slices.Clone(args), "--no-pager", "--color="+d.Globals.Color))
}

// call runs a command.
func (d *demoRun) call(ctx context.Context, printed io.Writer, args []string) error {
	status := d.again(ctx, cli.Process{Stdout: printed, Stderr: printed, Getenv: d.getenv}, args)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if status != cli.StatusDone && status != cli.StatusShrunk { // the demo loses a mailbox
		return fmt.Errorf("mailstrata %s ended with status %d", args[0], status)
	}
	return nil
}

// getenv hides the MAILSTRATA_ variables of the user from the demo.
func (d *demoRun) getenv(name string) string {
	if value, ok := d.environ[name]; ok {
		return value
	}
	if strings.HasPrefix(name, "MAILSTRATA_") {
		return ""
	}
	return d.Getenv(name)
}

// narrate prints a sentence, except with --json.
func (d *demoRun) narrate(format string, args ...any) {
	if !d.JSON {
		d.Printf("")
		d.Folded(ui.Plain, "# "+fmt.Sprintf(format, args...), "# ")
		_ = d.Flush()
	}
}

// showCommand prints a command line, except with --json.
func (d *demoRun) showCommand(words ...string) {
	if !d.JSON {
		d.Printf("$ %s", commandLine(words, d.Width()-len("$ ")))
		_ = d.Flush()
	}
}

// commandLine returns a command line as a user types it. If it is wider than a terminal, it goes on
// after a backslash, so that it can be copied. A flag and its value stay on one line. width is in
// cells; without a terminal it is not positive, and nothing is broken.
func commandLine(words []string, width int) string {
	var parts []string
	for i, word := range words {
		typed := word
		if !strings.HasPrefix(word, "latest~") {
			typed = ui.ShellWord(word)
		}
		if i > 0 && strings.HasPrefix(words[i-1], "--") {
			parts[len(parts)-1] += " " + typed
		} else {
			parts = append(parts, typed)
		}
	}
	var done strings.Builder
	line := parts[0]
	for _, part := range parts[1:] {
		if next := line + " " + part; width <= 0 || ui.Cut(next+` \`, width) == next+` \` {
			line = next
		} else {
			done.WriteString(line + " \\\n")
			line = "    " + part
		}
	}
	return done.String() + line
}

// compare runs a dry restore, which must find nothing to add, remove or change, and prints the
// result.
func (d *demoRun) compare(ctx context.Context, keep bool) error {
	var printed bytes.Buffer
	if err := d.call(ctx, &printed, append(d.restore(), "--prune", "--dry-run", "--json")); err != nil {
		return err
	}
	var left struct { // as docs/json.md has it
		Present, Added int64
		Prune          struct{ Surplus, Reflagged int64 }
	}
	if err := json.Unmarshal(printed.Bytes(), &left); err != nil {
		return fmt.Errorf("read the result of mailstrata restore: %w", err)
	}
	var differences []string
	for _, kind := range []struct {
		n    int64
		what string
	}{{left.Added, "missing"}, {left.Prune.Surplus, "in the Maildir, and not in the archive"}, {left.Prune.Reflagged, "with other flags"}} {
		if kind.n > 0 {
			differences = append(differences, ui.Plural(kind.n, "message")+" "+kind.what)
		}
	}
	if d.JSON {
		err := d.PrintJSON(struct {
			Messages    int64    `json:"messages"`
			Equal       bool     `json:"equal"`
			Differences []string `json:"differences"`
		}{left.Present, len(differences) == 0, summary.List(differences)})
		if err != nil {
			return err
		}
	}
	if len(differences) > 0 {
		for _, difference := range differences {
			d.Warn("%s", difference)
		}
		return errors.New("the restored mail differs from the archived mail")
	}
	d.narrate("All %s are as they were on the server before: bytes, flags and keywords.",
		ui.Plural(left.Present, "message"))
	if keep && !d.JSON {
		d.Printf("# Everything is still in %s.", d.dir)
	}
	return nil
}
