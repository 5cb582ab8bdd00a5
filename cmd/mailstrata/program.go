package main

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
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/mail/document"
	"github.com/mailstrata/mailstrata/mail/document/pdf"
	"github.com/mailstrata/mailstrata/mail/extract"
	"github.com/mailstrata/mailstrata/repo"
)

// process is what a run of mailstrata has from outside: its streams and its environment.
type process struct {
	stdin  *os.File
	stdout io.Writer // results
	stderr io.Writer // all else
	getenv func(string) string

	scryptWork int           // of new passphrases; 0: the default of age, about a second
	patience   time.Duration // with errors of a store, for interactive commands; 0: 30 seconds
}

// program is one run of mailstrata: what a command prints to, what it opens, and the flags that all commands have.
type program struct {
	*ui.Output
	*access.Host

	process process
	json    bool     // print the result as JSON
	watcher *watcher // may be nil

	repository *repo.Repo     // of openOnce; may be nil
	pdfs       *pdf.Extractor // may be nil
}

// newProgram begins a run. quit ends the command if the user quits the pager.
func newProgram(from process, quit func(error)) *program {
	output := ui.New(from.stdin, from.stdout, from.stderr, from.getenv, quit)
	p := &program{Output: output, Host: access.NewHost(output, from.stderr, from.getenv), process: from}
	p.Host.ScryptWork, p.Host.Version = from.scryptWork, version()
	return p
}

// globals are the flags of every command.
type globals struct {
	access.Flags

	JSON    bool   `group:"output" name:"json" help:"Print the result as JSON: one document, or one a line for lists (docs/json.md)."`
	Quiet   bool   `group:"output" short:"q" help:"Print only results, warnings and errors."`
	Color   string `group:"output" enum:"auto,always,never" default:"auto" help:"Colors: auto, always or never. auto is on a terminal, unless NO_COLOR is set."`
	NoPager bool   `group:"output" help:"Do not show long lists in $$PAGER (or less), which only a terminal has."`
	Verbose bool   `group:"output" short:"v" help:"Print more. For IMAP: the protocol, without secrets and mail."`
}

// apply applies the flags of every command.
func (p *program) apply(g *globals) {
	p.Host.Flags, p.Host.Verbose, p.json = g.Flags, g.Verbose, g.JSON
	p.Configure(ui.Settings{Quiet: g.Quiet, Verbose: g.Verbose, NoPager: g.NoPager, Color: g.Color})
	if cache, err := p.CacheDir(); err == nil {
		local.AlsoTemporary(filepath.Join(cache, "tmp"))
	}
}

// openOnce opens the repository that the user names. end closes it.
func (p *program) openOnce(ctx context.Context) (*repo.Repo, error) {
	r, err := p.Open(ctx)
	p.repository = r
	return r, err
}

// end ends a run whose command returned err: it closes what the command opened, prints the error, and reports to monitors. It
// returns the exit status. working is the context of the command, which ends if the user quits the pager; ctx is that of the process.
func (p *program) end(ctx, working context.Context, err error) int {
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
		return statusDone
	}
	status := p.report(ctx, err)
	if p.watcher != nil {
		p.watcher.end(ctx, p, status)
	}
	return status
}

// beInteractive makes a command report errors of a store soon: its user waits for it.
func (p *program) beInteractive() { p.Patience = cmp.Or(p.process.patience, defaultPatience) }

// defaultPatience is how long an interactive command retries if a store has errors.
const defaultPatience = 30 * time.Second

// limitMemory sets the memory limit of the garbage collector, in bytes. GOMEMLIMIT overrides it.
func (p *program) limitMemory(goal int64) {
	if p.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(goal)
	}
}

// usualMemoryLimit is the memory limit of most commands, because a nightly program shares its host with others.
const usualMemoryLimit = 90 << 20

// archivingMemoryLimit is the memory limit of commands that store mail. It is a little above what they hold: frames
// being filled, and an encoder and a frame for each of up to four processors. With a lower limit, the collector would
// run all the time and free nothing.
func archivingMemoryLimit() int64 { return int64(66+17*min(runtime.GOMAXPROCS(0), 4)) << 20 }

// documents returns what reads the text of attachments.
func (p *program) documents() extract.Documents {
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

// compiledDir returns the directory for the compiled code of the reader of PDFs, or an empty string without a cache.
func (p *program) compiledDir() string {
	cache, err := p.CacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(cache, "pdf")
}

// confirm asks a question on the terminal, and returns an error unless the answer is accepted. Without a terminal, the
// error is noTerminal.
func (p *program) confirm(ctx context.Context, question string, noTerminal error, accepts func(answer string) bool) error {
	answer, err := p.Ask(ctx, question)
	switch {
	case errors.Is(err, ui.ErrNoTerminal):
		return noTerminal
	case err == nil && !accepts(answer):
		return errors.New("not confirmed: nothing was changed")
	}
	return err
}

// steps returns a function that shows the progress of a command of several steps.
func steps(progress *ui.Progress) func(repo.Progress) {
	return func(now repo.Progress) { progress.Step(ui.StepState(now)) }
}

// version returns the version of the module, as go install and go build set it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
