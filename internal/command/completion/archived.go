package completion

import (
	"context"
	"io"
	"slices"
	"strings"

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
	case !slices.Contains([]string{"manifest",
		"before", "after", "missing-from", "account", "account|manifest", "mailbox", "exclude"}, kind):
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
	found := []candidate{
		{"google", "Gmail"}, {"microsoft", "Microsoft 365, Outlook.com"},
		{"other", "another provider, by its URLs"},
	}
	c := l.config(ctx, p)
	for i := range c.Providers {
		if name := c.Providers[i].Name; !slices.ContainsFunc(found, func(f candidate) bool { return f.value == name }) {
			found = append(found, candidate{name, "in the configuration"})
		}
	}
	return found
}

// open opens the repository that the user names. It asks nothing, runs no command and reads no
// keyring: they may wait for the user.
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

// mailboxes returns those of the manifest that was typed, or of the newest manifest of each
// account.
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
