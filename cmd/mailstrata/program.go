package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/alecthomas/kong"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/internal/config"
	"github.com/mailstrata/mailstrata/internal/local"
	"github.com/mailstrata/mailstrata/internal/notify"
)

// program is one call of mailstrata: its command line, and the world around it.
type program struct {
	stdin  *os.File
	stdout io.Writer // results
	stderr io.Writer // all else
	getenv func(string) string

	flags   globals
	console *console
	out     *bufio.Writer // over stdout
	screen  screen        // stdout
	pager   *pager        // between them; nil: none
	cancel  context.CancelCauseFunc
	watcher *watch // nil: nobody is told how it went

	patience   time.Duration   // with trouble of a store that may pass; 0: the usual
	configured *config.Config  // once it was read
	byVariable map[string]bool // flags whose value is that of an environment variable
	logins     imap.Logins     // that servers refused
	exposed    map[string]bool // files of which warnExposed has warned
}

// run does what the arguments say and returns the exit status.
func (p *program) run(ctx context.Context, args []string) int {
	p.console = newConsole(p.stderr)
	p.console.journal = isJournal(p.stderr, p.getenv("JOURNAL_STREAM"))
	p.out = bufio.NewWriter(p.stdout)
	working, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	p.cancel = cancel
	err := p.perform(working, args)
	if flushed := p.out.Flush(); err == nil {
		err = flushed
	}
	if p.pager != nil {
		p.pager.close()
	}
	p.console.clear()
	if quit(working, err) {
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
		return &usageError{
			text: "no command is given",
			hint: "mailstrata backup --imap imaps://user@host archives an account now; mailstrata --help tells the rest",
		}
	}
	var cli cli
	helped := false
	parser, err := p.parser(ctx, &cli, &helped)
	if err != nil {
		return err // the grammar itself is wrong, which every test would show
	}
	command, err := parser.Parse(familiar(args))
	if helped {
		return nil
	}
	if err != nil {
		return misuse(err)
	}
	p.flags = cli.globals
	p.screen = p.look(p.stdout)
	p.console.quiet, p.console.verbose, p.console.screen = cli.Quiet, cli.Verbose, p.look(p.stderr)
	p.watcher = p.watch(ctx, command)
	if cache, err := p.cacheDir(); err == nil {
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
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true, WrapUpperBound: 100, NoExpandSubcommands: true}),
		kong.Help(printHelp),
		kong.ExplicitGroups(groups),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(p),
	)
}

// familiar says in this program's words what people try who know others: "help backup", "--version".
func familiar(args []string) []string {
	switch args[0] {
	case "help":
		return append(slices.Clone(args[1:]), "--help")
	case "--version":
		return []string{"version"}
	}
	return args
}

// misuse makes a parser's complaint a usage error, with the way to the help that fits.
func misuse(err error) error {
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
	return &usageError{text: text, hint: quoting + "see " + where}
}

// unknownCommand returns a complaint about a word that is not a command, and the command that does what the word does in
// other programs, or "". It drops the parser's own guess, which suggests words that have only two letters in common.
func unknownCommand(unexpected string, model *kong.Application) (text, ours string) {
	word, _, _ := strings.Cut(unexpected, ",")
	text = "there is no command " + word
	if ours = elsewhere[word]; ours != "" {
		return text, ours
	}
	var commands []string
	for _, c := range model.Children {
		if !c.Hidden {
			commands = append(commands, c.Name)
		}
	}
	if near := nearest(word, commands); near != "" {
		text += ", did you mean " + quoted(near) + "?"
	}
	return text, ""
}

// elsewhere are the words of other programs, with the commands that do here what they do there.
var elsewhere = map[string]string{
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
			if p.byVariable == nil {
				p.byVariable = make(map[string]bool)
			}
			p.byVariable[flag.Name] = true
			return value, nil
		}
	}
	return nil, nil
}

// describeValue is a flag's help with the variable that stands for it.
func describeValue(value *kong.Value) string {
	if name := value.Tag.Get("var"); name != "" {
		return value.Help + " ($" + name + ")"
	}
	return value.Help
}

// console is standard error: lines of text, and, on a terminal, one line below them that changes. It is safe for
// concurrent use.
type console struct {
	mu             sync.Mutex
	w              io.Writer
	pager          io.Writer // takes its place while results are read there; nil: none does
	screen         screen
	live           bool         // a terminal
	journal        bool         // systemd's
	tail           *notify.Tail // gets each line too; nil: nobody wants it
	quiet, verbose bool
	shown          bool // the changing line is there
}

func newConsole(w io.Writer) *console { return &console{w: w, live: isTerminal(w)} }

// level is how urgent a line is, as syslog(3) has it.
type level int

const (
	levelError   level = 3
	levelWarning level = 4
	levelInfo    level = 6
)

// line writes a whole line, above the changing one. The journal is told how urgent it is (sd-daemon(3)).
func (c *console) line(urgent level, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.erase()
	w := c.w
	if c.pager != nil {
		w = c.pager
	}
	if c.tail != nil {
		c.tail.Line(text)
	}
	if c.journal {
		text = fmt.Sprintf("<%d>%s", urgent, text)
	}
	_, _ = io.WriteString(w, text+"\n") // where standard error is gone, there is nobody to tell
}

// redirect puts lines among the results, where a pager has the terminal to itself.
func (c *console) redirect(pager io.Writer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.live {
		c.pager = pager
	}
}

// status replaces the changing line.
func (c *console) status(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.erase()
	_, _ = io.WriteString(c.w, text)
	c.shown = true
}

func (c *console) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.erase()
}

func (c *console) erase() {
	if c.shown {
		_, _ = io.WriteString(c.w, "\r\x1b[K")
		c.shown = false
	}
}
