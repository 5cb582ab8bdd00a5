package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"time"

	"github.com/alecthomas/kong"

	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/local"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/mail/document/pdf"
	"github.com/mailstrata/mailstrata/repo"
)

// program is one run of mailstrata: its streams, its environment and its flags.
type program struct {
	stdin  *os.File
	stdout io.Writer // results
	stderr io.Writer // all else
	getenv func(string) string

	scryptWork          int           // of new passphrases; 0: the default of age, about a second
	interactivePatience time.Duration // with errors of a store, for interactive commands; 0: defaultPatience

	*ui.Output
	*access.Host
	flags      globals
	repository *repo.Repo     // the one that was opened for Run; may be nil
	watcher    *watch         // may be nil
	pdfs       *pdf.Extractor // may be nil
}

// defaultPatience is how long an interactive command retries if a store has errors.
const defaultPatience = 30 * time.Second

// begin sets up output and host. quit ends the command if the user quits the pager.
func (p *program) begin(quit func(error)) {
	p.Output = ui.New(p.stdin, p.stdout, p.stderr, p.getenv, quit)
	p.Host = access.NewHost(p.Output, p.stderr, p.getenv)
	p.Host.ScryptWork, p.Host.Version = p.scryptWork, version()
}

// run runs the command of the arguments and returns the exit status.
func (p *program) run(ctx context.Context, args []string) int {
	working, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	p.begin(cancel)
	err := p.perform(working, args)
	if closed := p.Close(); err == nil {
		err = closed
	}
	if ui.Quit(working, err) {
		return statusDone
	}
	status := p.report(ctx, err)
	if p.watcher != nil {
		p.watcher.end(ctx, p, status)
	}
	return status
}

// perform parses the command line and runs the command.
func (p *program) perform(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return &hint.Usage{
			Text: "no command given",
			Hint: "mailstrata backup --imap imaps://user@host backs up an account; mailstrata --help lists the commands",
		}
	}
	var cli cli
	helped := false
	parser, err := p.parser(ctx, &cli, &helped)
	if err != nil {
		return err // the grammar is wrong; every test shows it
	}
	command, err := parser.Parse(translate(args))
	if helped {
		return nil
	}
	if err != nil {
		return parseError(err)
	}
	p.flags, p.Host.Flags = cli.globals, cli.Flags
	p.Host.Verbose = cli.Verbose
	p.Configure(ui.Settings{Quiet: cli.Quiet, Verbose: cli.Verbose, NoPager: cli.NoPager, Color: cli.Color})
	p.watcher = p.newWatch(ctx, command)
	if cache, err := p.CacheDir(); err == nil {
		local.AlsoTemporary(filepath.Join(cache, "tmp"))
	}
	err = command.Run()
	if p.repository != nil {
		p.repository.Close()
	}
	if p.pdfs != nil {
		_ = p.pdfs.Close()
	}
	return err
}

// parser returns the parser of the command line. It sets helped if it printed help. The Run of a command gets what its
// parameters ask for: the context, the program, or the repository that the user names, opened before and closed after.
func (p *program) parser(ctx context.Context, cli *cli, helped *bool) (*kong.Kong, error) {
	return kong.New(cli,
		kong.Name("mailstrata"),
		kong.Description(description),
		kong.Writers(p.stdout, p.stderr),
		kong.Exit(func(int) { *helped = true }),
		kong.NamedMapper("path", kong.MapperFunc(p.readPath)),
		kong.Resolvers(kong.ResolverFunc(p.variable)),
		kong.ValueFormatter(describeValue),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true, WrapUpperBound: 80, NoExpandSubcommands: true}),
		kong.Help(printHelp),
		kong.ExplicitGroups(groups),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(p),
		kong.BindSingletonProvider(func() (*repo.Repo, error) {
			r, err := p.Open(ctx)
			p.repository = r
			return r, err
		}),
	)
}

// variable returns the value of the environment variable that a flag's tag names. (The env tag of kong reads the
// environment of the process.)
func (p *program) variable(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if name := flag.Tag.Get("var"); name != "" {
		if value := p.getenv(name); value != "" {
			p.ByVariable[flag.Name] = true
			return value, nil
		}
	}
	return nil, nil
}

// readPath parses a flag that is a path. It expands "~"; "-" is not a path.
func (p *program) readPath(flag *kong.DecodeContext, target reflect.Value) error {
	var path string
	err := flag.Scan.PopValueInto("file", &path)
	if err == nil && path != "" && path != "-" {
		if path, err = p.Expand(path); err == nil {
			path, err = filepath.Abs(path)
		}
	}
	target.SetString(path)
	return err
}

// describeValue returns the help of a flag, with its variable.
func describeValue(value *kong.Value) string {
	if name := value.Tag.Get("var"); name != "" {
		return value.Help + " ($" + name + ")"
	}
	return value.Help
}

// steps returns a function that shows the progress of a command of several steps.
func steps(progress *ui.Progress) func(repo.Progress) {
	return func(now repo.Progress) { progress.Step(ui.StepState(now)) }
}
