// Package completion completes command lines in shells.
//
//	completion ──► Command    a script for bash, zsh or fish, from the directory scripts
//	Tab ──► the script ──► mailstrata __complete ──► Complete
//
// A completion asks no question and reports no error.
package completion

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/grammar"
	"github.com/mailstrata/mailstrata/internal/cli/named"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/internal/config"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// Complete prints completions for the scripts of Command. Given the words of a command line, it prints
// what the last one could become, one a line, with a description after a tab. It reports no errors, asks nothing, and
// stops after a few seconds: the user has only pressed a key.
type Complete struct {
	Words []string `arg:"" optional:""`
}

// completionTimeout is the maximum time for a completion.
const completionTimeout = 3 * time.Second

// completeFiles is the line that asks the shell to complete file names.
const completeFiles = ":files"

func (c *Complete) Run(ctx context.Context, p *cli.Program, k *kong.Context) error {
	ctx, cancel := context.WithTimeout(ctx, completionTimeout)
	defer cancel()
	words := c.Words
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	if len(words) == 0 {
		words = []string{""}
	}
	l := readTyped(k.Model.Node, words[:len(words)-1])
	word := words[len(words)-1]
	for _, candidate := range l.candidates(ctx, p, word) {
		if strings.HasPrefix(candidate.value, word) {
			p.Printf("%s\t%s", ui.Safe(candidate.value), ui.Safe(candidate.about))
		}
	}
	if l.wantsFiles(word) {
		p.Printf(completeFiles)
	}
	return nil
}

// candidate is what a word could become.
type candidate struct{ value, about string }

// typedLine is the command line before the word to complete, as far as it can be parsed.
type typedLine struct {
	node       *kong.Node
	positional []string
	common     []string   // the flags that name the repository, as typed
	pending    *kong.Flag // its value comes next; may be nil
	onlyArgs   bool       // "--" was typed
}

func readTyped(root *kong.Node, words []string) *typedLine {
	l := &typedLine{node: root}
	for _, word := range words {
		switch {
		case l.pending != nil:
			l.keep(l.pending, word)
			l.pending = nil
		case word == "--":
			l.onlyArgs = true
		case strings.HasPrefix(word, "-") && !l.onlyArgs:
			name, value, given := strings.Cut(word, "=")
			flag := l.flag(name)
			switch {
			case flag == nil:
			case given:
				l.keep(flag, value)
			case !flag.IsBool():
				l.pending = flag
			}
		case len(l.node.Children) > 0:
			for _, child := range l.node.Children {
				if child.Name == word {
					l.node = child
					break
				}
			}
		default:
			l.positional = append(l.positional, word)
		}
	}
	return l
}

// keep records a flag that names the repository.
func (l *typedLine) keep(flag *kong.Flag, value string) {
	if flag.Group != nil && flag.Group.Key == "repository" {
		l.common = append(l.common, "--"+flag.Name+"="+value)
	}
}

func (l *typedLine) flags() []*kong.Flag { return slices.Concat(l.node.AllFlags(true)...) }

func (l *typedLine) flag(typed string) *kong.Flag {
	for _, flag := range l.flags() {
		if typed == "--"+flag.Name || flag.Short != 0 && typed == "-"+string(flag.Short) {
			return flag
		}
	}
	return nil
}

// value returns the flag or argument whose value the word is, or nil, and the part of the word before the value.
func (l *typedLine) value(word string) (value *kong.Value, before string) {
	if l.pending != nil {
		return l.pending.Value, ""
	}
	if strings.HasPrefix(word, "--") && !l.onlyArgs {
		if name, _, given := strings.Cut(word, "="); given {
			if flag := l.flag(name); flag != nil {
				return flag.Value, name + "="
			}
		}
		return nil, ""
	}
	args := l.node.Positional
	switch {
	case len(args) == 0:
		return nil, ""
	case len(l.positional) < len(args):
		return args[len(l.positional)], ""
	case args[len(args)-1].IsCumulative():
		return args[len(args)-1], ""
	}
	return nil, ""
}

func (l *typedLine) wantsFiles(word string) bool {
	value, before := l.value(word)
	return value != nil && before == "" && (value.Tag.Type == "path" || value.Name == "repo")
}

func (l *typedLine) candidates(ctx context.Context, p *cli.Program, word string) []candidate {
	if strings.HasPrefix(word, "-") && !strings.Contains(word, "=") && l.pending == nil && !l.onlyArgs {
		var found []candidate
		for _, flag := range l.flags() {
			found = append(found, candidate{"--" + flag.Name, firstSentence(flag.Help)})
		}
		return found
	}
	if len(l.node.Children) > 0 && l.pending == nil && !strings.HasPrefix(word, "-") {
		var found []candidate
		for _, child := range l.node.Children {
			if !child.Hidden {
				found = append(found, candidate{child.Name, firstSentence(child.Help)})
			}
		}
		return found
	}
	value, before := l.value(word)
	if value == nil {
		return nil
	}
	var found []candidate
	if value.Enum != "" {
		for _, choice := range value.EnumSlice() {
			found = append(found, candidate{value: choice})
		}
	} else {
		found = l.archived(ctx, p, value, strings.TrimPrefix(word, before))
	}
	for i := range found {
		found[i].value = before + found[i].value
	}
	return found
}

// archived returns what the repository or the configuration offers for a value.
func (l *typedLine) archived(ctx context.Context, p *cli.Program, value *kong.Value, word string) []candidate {
	kind := value.Name
	switch {
	case kind == "account" && (l.node.Name == "auth" || l.node.Name == "doctor"):
		c := l.config(ctx, p)
		return append(configuredCandidates(c), repositoryCandidates(c)...)
	case kind == "repo", kind == "to" && l.node.Name == "copy":
		return repositoryCandidates(l.config(ctx, p))
	case kind == "to", kind == "account" && l.node.Name == "backup":
		return configuredCandidates(l.config(ctx, p))
	case kind == "provider":
		return l.providers(ctx, p)
	case kind == "mailbox" && l.node.Name == "backup":
		return nil // mailboxes of the server, which is not asked
	case !slices.Contains([]string{"manifest", "before", "after", "missing-from", "account", "account|manifest", "mailbox", "exclude"}, kind):
		return nil
	}
	r, err := l.open(ctx, p)
	if err != nil {
		return nil
	}
	defer r.Close()
	switch kind {
	case "mailbox", "exclude":
		return l.mailboxes(ctx, r)
	case "account":
		return accountCandidates(ctx, r)
	case "account|manifest":
		return append(accountCandidates(ctx, r), manifestCandidates(ctx, r, word)...)
	}
	return manifestCandidates(ctx, r, word)
}

// inner returns a silent program with the flags that were typed.
func (l *typedLine) inner(ctx context.Context, p *cli.Program) (*cli.Program, error) {
	inner := cli.New(cli.Process{Stdout: io.Discard, Stderr: io.Discard, Getenv: p.Getenv}, func(error) {})
	var typed struct{ cli.Globals }
	var helped bool
	parser, err := grammar.NewParser(ctx, inner, &typed, &helped)
	if err != nil {
		return nil, err
	}
	if _, err := parser.Parse(l.common); err != nil {
		return nil, err
	}
	inner.Host.Flags = typed.Flags
	inner.Host.Flags.PasswordCommand = ""
	return inner, nil
}

// config returns the configuration, or an empty one if it has errors.
func (l *typedLine) config(ctx context.Context, p *cli.Program) *config.Config {
	if inner, err := l.inner(ctx, p); err == nil {
		if c, err := inner.Config(); err == nil {
			return c
		}
	}
	return &config.Config{}
}

func configuredCandidates(c *config.Config) (found []candidate) {
	for i := range c.Accounts {
		found = append(found, candidate{c.Accounts[i].Name, c.Accounts[i].URL})
	}
	return found
}

func repositoryCandidates(c *config.Config) (found []candidate) {
	for i := range c.Repositories {
		if c.Repositories[i].Name != "" {
			found = append(found, candidate{c.Repositories[i].Name, "repository " + c.Repositories[i].Place})
		}
	}
	return found
}

// providers returns the built-in providers and those of the configuration.
func (l *typedLine) providers(ctx context.Context, p *cli.Program) []candidate {
	found := []candidate{{"google", "Gmail"}, {"microsoft", "Microsoft 365, Outlook.com"}, {"other", "another provider, by its URLs"}}
	c := l.config(ctx, p)
	for i := range c.Providers {
		if name := c.Providers[i].Name; !slices.ContainsFunc(found, func(f candidate) bool { return f.value == name }) {
			found = append(found, candidate{name, "in the configuration"})
		}
	}
	return found
}

// open opens the repository that the user names. It asks nothing, runs no command and reads no keyring: they may wait
// for the user.
func (l *typedLine) open(ctx context.Context, p *cli.Program) (*repo.Repo, error) {
	inner, err := l.inner(ctx, p)
	if err != nil {
		return nil, err
	}
	place, err := inner.Location("")
	if err != nil {
		return nil, err
	}
	place.Configured.Secret.Command, place.Configured.Secret.Keyring = "", ""
	k := place.Keys()
	k.Ask = func() ([]byte, error) { return nil, repo.ErrWrongKey }
	if k.Given {
		k.Ask = place.AskOnce(ctx)
	}
	return place.OpenWith(ctx, k)
}

// manifestCandidates returns "latest" and the manifests, the newest first of each account.
func manifestCandidates(ctx context.Context, r *repo.Repo, word string) []candidate {
	var found []candidate
	accounts := make(map[string]bool)
	for s, err := range archive.Manifests(ctx, r) {
		if err != nil {
			continue
		}
		about := ui.Time(s.Head.Time) + ", " + ui.Ago(s.Head.Time) + ", " + s.Manifest.Account + ", " + ui.Plural(s.Manifest.Totals.Messages, "message")
		if s.Manifest.State != manifest.Complete {
			about += ", checkpoint"
		}
		if accounts[s.Manifest.Account] = true; strings.Contains(word, "@") {
			found = append(found, candidate{s.Manifest.Account + "@" + summary.ShortID(s.Head), about})
		} else {
			found = append(found, candidate{summary.ShortID(s.Head), about})
		}
	}
	if len(accounts) == 1 {
		return append([]candidate{{"latest", "the newest"}}, found...)
	}
	for account := range accounts {
		found = append(found, candidate{account + "@latest", "the newest of " + account})
	}
	return found
}

func accountCandidates(ctx context.Context, r *repo.Repo) []candidate {
	var found []candidate
	for s, err := range archive.Manifests(ctx, r) {
		if err == nil && !slices.ContainsFunc(found, func(c candidate) bool { return c.value == s.Manifest.Account }) {
			found = append(found, candidate{s.Manifest.Account, "last " + ui.Ago(s.Head.Time)})
		}
	}
	return found
}

// mailboxes returns those of the manifest that was typed, or of the newest manifest of each account.
func (l *typedLine) mailboxes(ctx context.Context, r *repo.Repo) []candidate {
	var typed []*archive.Contents
	for i, arg := range l.node.Positional[:min(len(l.node.Positional), len(l.positional))] {
		if arg.Name != "manifest" && arg.Name != "before" && arg.Name != "after" {
			continue
		}
		if contents, err := named.Manifest(ctx, ui.Discard(), r, l.positional[i]); err == nil {
			typed = append(typed, contents)
		}
	}
	if len(l.positional) == 0 {
		r.PrepareIndex(ctx)
		typed, _ = archive.Latest(ctx, r)
	}
	var found []candidate
	for _, contents := range typed {
		for mailbox, err := range contents.Mailboxes(ctx) {
			if err == nil && !slices.ContainsFunc(found, func(c candidate) bool { return c.value == mailbox.Name }) {
				found = append(found, candidate{mailbox.Name, ui.Plural(mailbox.Messages, "message")})
			}
		}
	}
	return found
}

// firstSentence returns the first sentence of a help text.
func firstSentence(help string) string {
	if end := strings.Index(help, ". "); end > 0 {
		help = help[:end]
	}
	return strings.TrimSuffix(help, ".")
}

// Command prints a completion script for a shell.
type Command struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"The shell: bash, zsh or fish."`
}

func (*Command) Help() string {
	return `Prints a script that completes commands, flags, accounts, manifests and mailboxes. Manifests and mailboxes come from the repository of the command line or MAILSTRATA_REPO, if it opens without a question.

EXAMPLES

    mailstrata completion bash > ~/.local/share/bash-completion/completions/mailstrata
    mailstrata completion zsh > ~/.zfunc/_mailstrata
    mailstrata completion fish > ~/.config/fish/completions/mailstrata.fish

For zsh, ~/.zfunc must be in fpath before compinit.

` + cli.ExitStatus
}

var (
	//go:embed scripts/mailstrata.bash
	bashCompletion string
	//go:embed scripts/mailstrata.zsh
	zshCompletion string
	//go:embed scripts/mailstrata.fish
	fishCompletion string
)

func (c *Command) Run(p *cli.Program) error {
	_, err := fmt.Fprint(p, map[string]string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}[c.Shell])
	return err
}
