package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/local"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/repo"
)

// program is one call of mailstrata: its command line, and the world around it.
type program struct {
	stdin  *os.File
	stdout io.Writer // results
	stderr io.Writer // all else
	getenv func(string) string

	scryptWork      int           // of new passphrases; 0: age's own, a second's
	watchedPatience time.Duration // with a store in trouble, if the user waits; 0: usualWatchedPatience

	*ui.Output
	*access.Host
	flags   globals
	watcher *watch // nil: nobody is told how it went
}

// usualWatchedPatience is how long a command goes on with a store in trouble whose user waits to hear what is wrong.
const usualWatchedPatience = 30 * time.Second

// begin sets up what the command line is parsed with. quit ends the command whose pager was quit.
func (p *program) begin(quit func(error)) {
	p.Output = ui.New(p.stdin, p.stdout, p.stderr, p.getenv, quit)
	p.Host = access.NewHost(p.Output, p.stderr, p.getenv)
	p.Host.ScryptWork, p.Host.Version = p.scryptWork, version()
}

// run does what the arguments say and returns the exit status.
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
			Text: "no command is given",
			Hint: "mailstrata backup --imap imaps://user@host archives an account now; mailstrata --help tells the rest",
		}
	}
	var cli cli
	helped := false
	parser, err := p.parser(ctx, &cli, &helped)
	if err != nil {
		return err // the grammar itself is wrong, which every test would show
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
	return command.Run()
}

// parser is the grammar, with what its commands need. It sets helped where only help was asked for, and given.
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
	)
}

// parseError makes a parser's complaint a usage error, with the way to the help that fits.
func parseError(err error) error {
	where, text, quoting := "mailstrata --help", err.Error(), ""
	if missing, ok := strings.CutPrefix(text, `expected "<`); ok {
		text = "<" + strings.ReplaceAll(missing, `"`, "") + " is missing"
	}
	unexpected, isUnexpected := strings.CutPrefix(text, "unexpected argument ")
	var parse *kong.ParseError
	if errors.As(err, &parse) && parse.Context != nil {
		if node := parse.Context.Selected(); node != nil {
			where = "mailstrata " + node.Path() + " --help"
			if isUnexpected {
				quoting = "a name with blanks is put in quotes; "
			}
		} else if isUnexpected {
			var ours string
			if text, ours = unknownCommand(unexpected, parse.Context.Model); ours != "" {
				where = "mailstrata " + ours + " --help"
			}
		}
	}
	return &hint.Usage{Text: text, Hint: quoting + "see " + where}
}

// unknownCommand returns a complaint about a word that is not a command, and the command that does what the word does in
// other programs, or "". It drops the parser's own guess, which suggests words that have only two letters in common.
func unknownCommand(unexpected string, model *kong.Application) (text, ours string) {
	word, _, _ := strings.Cut(unexpected, ",")
	text = "there is no command " + word
	if ours = otherWords[word]; ours != "" {
		return text, ours
	}
	var commands []string
	for _, c := range model.Children {
		if !c.Hidden {
			commands = append(commands, c.Name)
		}
	}
	if near := ui.Nearest(word, commands); near != "" {
		text += ", did you mean " + ui.Quote(near) + "?"
	}
	return text, ""
}

// otherWords are the words of other programs, with the commands that do here what they do there.
var otherWords = map[string]string{
	"snapshots": "list", "log": "list", "sync": "backup", "fetch": "backup", "archive": "backup", "search": "find", "grep": "find",
	"recover": "restore", "extract": "restore", "undelete": "restore", "export": "restore", "verify": "check", "dump": "cat",
	"remove": "forget", "delete": "forget", "expire": "forget", "gc": "prune", "compact": "prune",
	"rename": "rename-account", "undo": "forget", "unforget": "forget",
}

// variable gives a flag its value from the environment variable that its tag names, where the flag itself is not given.
// (kong's own "env" tag asks the environment of the process.)
func (p *program) variable(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if name := flag.Tag.Get("var"); name != "" {
		if value := p.getenv(name); value != "" {
			if p.ByVariable == nil {
				p.ByVariable = make(map[string]bool)
			}
			p.ByVariable[flag.Name] = true
			return value, nil
		}
	}
	return nil, nil
}

// readPath reads a flag that is a path. The home directory is HOME; "-" is not a path.
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

// describeValue is a flag's help with the variable that stands for it.
func describeValue(value *kong.Value) string {
	if name := value.Tag.Get("var"); name != "" {
		return value.Help + " ($" + name + ")"
	}
	return value.Help
}

// steps shows how far a repository has come with a command of several steps.
func steps(progress *ui.Progress) func(repo.Progress) {
	return func(now repo.Progress) { progress.Step(ui.StepState(now)) }
}
