package cli

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/local"
	"github.com/mailstrata/mailstrata/internal/notify"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/mail/document"
	"github.com/mailstrata/mailstrata/mail/document/pdf"
	"github.com/mailstrata/mailstrata/mail/extract"
	"github.com/mailstrata/mailstrata/repo"
)

// Process is what a run of mailstrata has from outside: its streams and its environment.
type Process struct {
	Stdin  *os.File
	Stdout io.Writer // results
	Stderr io.Writer // all else
	Getenv func(string) string

	ScryptWork int           // of new passphrases; 0: the default of age, about a second
	Patience   time.Duration // with errors of a store, for interactive commands, and of a completion; 0: 30 and 3 seconds

	Step *Step // nil: the run is no step of another
}

// Runner runs a command line in this process, as mailstrata does, and returns its exit status.
type Runner func(ctx context.Context, from Process, args []string) int

// Step is a run that is a step of another one. No monitor hears of it: the other run reports for
// it.
type Step struct {
	Accounts []notify.Account // what became of each
	Err      error            // with which it ended
	Damaged  bool             // a check found damage

	log ui.LineWriter // collects its lines too; nil: none
}

// NewStep returns a step whose log is a part of the log of this run.
func (p *Program) NewStep() *Step {
	s := &Step{}
	if p.watcher != nil {
		s.log = p.watcher.tail
	}
	return s
}

// Program is one run of mailstrata: what a command prints to, what it opens, and the flags that all
// commands have.
type Program struct {
	*ui.Output
	*access.Host

	Process Process
	Globals Globals
	JSON    bool     // print the result as JSON
	watcher *watcher // may be nil

	repository *repo.Repo     // of OpenOnce; may be nil
	pdfs       *pdf.Extractor // may be nil
}

// New begins a run. quit ends the command if the user quits the pager.
func New(from Process, quit func(error)) *Program {
	output := ui.New(from.Stdin, from.Stdout, from.Stderr, from.Getenv, quit)
	output.Configure(ui.Settings{}) // for errors of the command line, before Apply
	p := &Program{Output: output, Host: access.NewHost(output, from.Stderr, from.Getenv), Process: from}
	p.Host.ScryptWork, p.Host.Version = from.ScryptWork, Version()
	return p
}

// Globals are the flags of every command.
type Globals struct {
	access.Flags

	JSON    bool   `group:"output" name:"json" help:"Print the result as JSON: one document, or one a line for lists (docs/json.md)."`
	Quiet   bool   `group:"output" short:"q" help:"Print only results, warnings and errors."`
	Color   string `group:"output" enum:"auto,always,never" default:"auto" help:"Colors: auto, always or never. auto is on a terminal, unless NO_COLOR is set."`
	NoPager bool   `group:"output" help:"Do not show long lists in $$PAGER (or less), which only a terminal has."`
	Verbose bool   `group:"output" short:"v" help:"Print more. For IMAP: the protocol, without secrets and mail."`
}

// Args returns the flags for a step of this run: those that name neither the repository nor its
// key.
func (g *Globals) Args() (args []string) {
	for _, flag := range []struct{ name, value string }{
		{"config", g.ConfigFile}, {"cache-dir", g.CacheDir}, {"cache-size", g.CacheSize}, {"ca-file", g.CAFile},
		{"ssh-command", g.SSHCommand}, {"color", g.Color},
	} {
		if flag.value != "" {
			args = append(args, "--"+flag.name+"="+flag.value)
		}
	}
	for _, flag := range []struct {
		name string
		set  bool
	}{
		{"insecure-plaintext", g.AllowPlaintext}, {"json", g.JSON}, {"quiet", g.Quiet}, {"verbose", g.Verbose},
	} {
		if flag.set {
			args = append(args, "--"+flag.name)
		}
	}
	return append(args, "--no-pager")
}

// Apply applies the flags of every command.
func (p *Program) Apply(g *Globals) {
	p.Globals, p.Host.Flags, p.Host.Verbose, p.JSON = *g, g.Flags, g.Verbose, g.JSON
	if s := p.Process.Step; s != nil && s.log != nil {
		p.Collect(s.log)
	}
	p.Configure(ui.Settings{Quiet: g.Quiet, Verbose: g.Verbose, NoPager: g.NoPager, Color: g.Color})
	if cache, err := p.CacheDir(); err == nil {
		local.AlsoTemporary(filepath.Join(cache, "tmp"))
	}
}

// Lister is a command that lists all manifests first, and only reads from the repository. The
// repository then lists them while it is opened.
type Lister interface{ ListsManifests() }

// OpenOnce opens the repository that the user names. End closes it.
func (p *Program) OpenOnce(ctx context.Context) (*repo.Repo, error) {
	r, err := p.Open(ctx)
	p.repository = r
	return r, err
}

// End ends a run whose command returned err: it closes what the command opened, prints the error,
// and reports to monitors. It returns the exit status. working is the context of the command, which
// ends if the user quits the pager; ctx is that of the process.
func (p *Program) End(ctx, working context.Context, err error) int {
	if p.repository != nil {
		p.repository.Close()
	}
	if p.pdfs != nil {
		_ = p.pdfs.Close()
	}
	if closed := p.Close(); err == nil {
		err = closed
	}
	if ui.Quit(working, err) {
		return StatusDone
	}
	status := p.report(ctx, err)
	if p.Process.Step != nil {
		p.Process.Step.Err = err
	}
	if p.watcher != nil {
		p.watcher.end(ctx, p, status, err)
	}
	return status
}

// BeInteractive makes a command report errors of a store soon: its user waits for it.
func (p *Program) BeInteractive() { p.Patience = cmp.Or(p.Process.Patience, defaultPatience) }

// defaultPatience is how long an interactive command retries if a store has errors.
const defaultPatience = 30 * time.Second

// LimitMemory sets the memory limit of the garbage collector, in bytes. GOMEMLIMIT overrides it.
func (p *Program) LimitMemory(goal int64) {
	if p.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(goal)
	}
}

// UsualMemoryLimit is the memory limit of most commands, because a nightly program shares its host
// with others.
const UsualMemoryLimit = 86 << 20

// ArchivingMemoryLimit is the memory limit of commands that store mail. It is a little above what
// they hold: frames being filled, and an encoder and a frame for each of up to four processors.
// With a lower limit, the collector would run all the time and free nothing.
func ArchivingMemoryLimit() int64 { return int64(58+17*min(runtime.GOMAXPROCS(0), 4)) << 20 }

// Documents returns what reads the text of attachments.
func (p *Program) Documents() extract.Documents {
	if p.pdfs == nil && pdf.Supported() {
		if self, err := os.Executable(); err == nil {
			p.pdfs = pdf.NewExtractor(self, p.compiledDir())
		}
	}
	if p.pdfs == nil {
		return document.Reader{}
	}
	return document.Reader{PDF: p.pdfs}
}

// compiledDir returns the directory for the compiled code of the reader of PDFs, or an empty string
// without a cache.
func (p *Program) compiledDir() string {
	cache, err := p.CacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(cache, "pdf")
}

// Confirm asks a question on the terminal, and returns an error unless the answer is accepted.
// Without a terminal, the error is noTerminal.
func (p *Program) Confirm(
	ctx context.Context, question string, noTerminal error, accepts func(answer string) bool,
) error {
	answer, err := p.Ask(ctx, question)
	switch {
	case errors.Is(err, ui.ErrNoTerminal):
		return noTerminal
	case err == nil && !accepts(answer):
		return errors.New("not confirmed: nothing was changed")
	}
	return err
}

// Steps returns a function that shows the progress of a command of several steps.
func Steps(progress *ui.Progress) func(repo.Progress) {
	return func(now repo.Progress) { progress.Step(ui.StepState(now)) }
}

// Version returns the version of the module, as go install and go build set it.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
