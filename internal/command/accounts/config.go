package accounts

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/internal/config"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// Config checks and shows the configuration.
type Config struct {
	Check configCheckCommand `cmd:"" help:"Report all errors in the configuration."`
	Show  configShowCommand  `cmd:"" help:"Show accounts, providers and monitoring, without secrets."`
}

type configCheckCommand struct{}

func (*configCheckCommand) Help() string {
	return `Reports all errors in the configuration, with file, line and key. It warns of missing files, and of files with secrets that other users of this host can read. It contacts no server and no repository.

The configuration is the file of --config or MAILSTRATA_CONFIG, or else config.toml in the directory mailstrata of your configuration directory ($XDG_CONFIG_HOME, ~/.config), or else /etc/mailstrata/config.toml.

EXIT STATUS

0 no errors; 1 it cannot be read; 2 it has errors, or the command line is invalid.`
}

func (c *configCheckCommand) Run(p *cli.Program) error {
	file, err := p.ConfigFile()
	if err != nil {
		return err
	}
	if file == "" {
		return &hint.Usage{
			Text: "there is no configuration: neither " + ui.Safe(strings.Join(p.ConfigPaths(), " nor ")),
			Hint: "docs/config.md has an example",
		}
	}
	p.ListUsers = true
	read, err := config.Load(file, p.Home(), p.Users)
	var problems config.Problems
	if err != nil && !errors.As(err, &problems) {
		return err
	}
	if read == nil {
		read = &config.Config{File: file}
	}
	warnings := doubts(read, len(problems) > 0)
	if err := p.UsersError(); err != nil {
		warnings = append(warnings, err.Error())
	}
	if p.JSON {
		if err := p.PrintJSON(summarizeConfig(read, problems, warnings)); err != nil {
			return err
		}
	}
	for _, warning := range warnings {
		p.Warn("%s", ui.Safe(warning))
	}
	if len(problems) > 0 {
		return p.ReportProblems(err)
	}
	if !p.JSON {
		repositories := fmt.Sprintf("%d repositories", len(read.Repositories))
		if len(read.Repositories) == 1 {
			repositories = "1 repository"
		}
		verdict := "no errors"
		if len(warnings) > 0 {
			verdict = "no errors in the file, but on this host (" + ui.Plural(len(warnings), "warning") + ")"
		}
		accounts := ui.Plural(len(read.Accounts), "account")
		if len(read.Accounts) == 0 {
			accounts = "no account: this host backs up nothing"
		}
		p.Printf("%s: %s; %s, %s", ui.Safe(file), verdict, repositories, accounts)
	}
	return nil
}

// doubts returns warnings about files that the configuration names, and about accounts that it
// lacks: if nothing else is wrong with it, because an account may be what cannot be read.
func doubts(c *config.Config, wrong bool) (warnings []string) {
	if !wrong && c.LacksAccounts() {
		warnings = append(warnings, config.NoAccount)
	}
	for _, path := range c.Exposed() {
		warnings = append(warnings, "other users of this host can read the secret in "+path+": run chmod 600")
	}
	files := c.SecretFiles()
	for i := range c.Accounts {
		files = append(files, c.Accounts[i].CAFile)
	}
	for i, path := range files {
		if path == "" || slices.Contains(files[:i], path) {
			continue
		}
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			warnings = append(warnings, "the file "+path+", which the configuration names, does not exist")
		}
	}
	return warnings
}

// configCheckSummary is a check of a configuration as JSON.
type configCheckSummary struct {
	File         string          `json:"file"`
	Repositories int             `json:"repositories"`
	Accounts     int             `json:"accounts"`
	Problems     []configProblem `json:"problems"`
	Warnings     []string        `json:"warnings"`
}

type configProblem struct {
	File    string `json:"file"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Key     string `json:"key,omitempty"`
	Problem string `json:"problem"`
	Meant   string `json:"meant,omitempty"`
}

func summarizeConfig(c *config.Config, problems config.Problems, warnings []string) configCheckSummary {
	s := configCheckSummary{
		File: c.File, Repositories: len(c.Repositories), Accounts: len(c.Accounts),
		Problems: []configProblem{}, Warnings: summary.List(warnings),
	}
	for _, problem := range problems {
		s.Problems = append(s.Problems, configProblem{
			problem.File, problem.Line, problem.Column, problem.Key, problem.Text, access.Meant(problem),
		})
	}
	return s
}

type configShowCommand struct {
	Shard config.Shard `placeholder:"N/OF" help:"Only the accounts of this share."`
}

func (*configShowCommand) Help() string {
	return `Lists the accounts of the configuration, also those of templates: name, URL, repository, and where the secret comes from. Then the OAuth providers, and the monitoring of commands.

` + cli.ExitStatus
}

// configuredSummary is an account of the configuration as JSON.
type configuredSummary struct {
	Name       string `json:"name"`
	URL        string `json:"url"`
	Repository string `json:"repository"`
	Secret     string `json:"secret"`
}

func (c *configShowCommand) Run(p *cli.Program) error {
	p.ListUsers = true
	read, err := p.Config()
	if err != nil {
		return err
	}
	var accounts []configuredSummary
	for i := range read.Accounts {
		a := &read.Accounts[i]
		if !c.Shard.Has(a.Name) {
			continue
		}
		s := configuredSummary{Name: a.Name, URL: a.URL, Secret: a.Secret.String()}
		switch {
		case a.Token != "":
			s.Secret = "token command"
		case a.Provider != "":
			s.Secret = "tokens of " + a.Provider
		}
		if r := read.Repository(a.Repository); r != nil {
			s.Repository = cmp.Or(r.Name, r.Place)
		}
		accounts = append(accounts, s)
	}
	headings := []string{"ACCOUNT", "URL", "REPOSITORY", "SECRET"}
	if len(read.Repositories) < 2 && !p.JSON {
		if len(read.Repositories) == 1 {
			p.Facts("Repository", cmp.Or(read.Repositories[0].Name, read.Repositories[0].Place))
			p.Printf("")
		}
		headings = slices.Delete(headings, 2, 3)
	}
	err = cli.PrintRows(p, accounts, headings, func(s configuredSummary) []string {
		if len(headings) == 3 {
			return []string{s.Name, s.URL, s.Secret}
		}
		return []string{s.Name, s.URL, s.Repository, s.Secret}
	})
	return errors.Join(err, showProviders(p, read), showWatches(p, read))
}

// providerSummary is a provider of the configuration as JSON.
type providerSummary struct {
	Provider string `json:"provider"`
	Kind     string `json:"kind"`
	ClientID string `json:"client_id"`
	Secret   string `json:"secret"`  // where the client's comes from
	Keyring  bool   `json:"keyring"` // tokens are sealed to a key there

	Application bool `json:"application,omitempty"` // tokens need no consent, and are not stored
}

func showProviders(p *cli.Program, c *config.Config) error {
	if len(c.Providers) == 0 {
		return nil
	}
	var providers []providerSummary
	for _, own := range c.Providers {
		secret := own.Secret.String()
		if own.ServiceAccount != "" {
			secret = "file " + own.ServiceAccount
		}
		providers = append(providers, providerSummary{
			own.Name, own.Kind, own.ClientID, secret, own.Keyring, own.Application,
		})
	}
	if !p.JSON {
		p.Printf("")
	}
	return cli.PrintRows(p, providers, []string{"PROVIDER", "KIND", "CLIENT", "SECRET", "TOKENS"}, func(s providerSummary) []string {
		if s.Application {
			return []string{s.Provider, s.Kind, s.ClientID, s.Secret, "not stored"}
		}
		return []string{s.Provider, s.Kind, s.ClientID, s.Secret, kept(s.Keyring)}
	})
}

// watchSummary is the monitoring of a command, as JSON.
type watchSummary struct {
	Watch     string `json:"watch"`
	Ping      string `json:"ping"` // where the URL comes from
	Metrics   string `json:"metrics"`
	OnFailure bool   `json:"on_failure"`
}

func showWatches(p *cli.Program, c *config.Config) error {
	if len(c.Watch) == 0 {
		return nil
	}
	var watches []watchSummary
	for _, command := range slices.Sorted(maps.Keys(c.Watch)) {
		w := c.Watch[command]
		watches = append(watches, watchSummary{command, w.Ping.String(), w.Metrics, w.OnFailure != ""})
	}
	if !p.JSON {
		p.Printf("")
	}
	return cli.PrintRows(p, watches, []string{"COMMAND", "PING", "METRICS", "ON FAILURE"}, func(s watchSummary) []string {
		return []string{s.Watch, s.Ping, s.Metrics, map[bool]string{true: "command"}[s.OnFailure]}
	})
}
