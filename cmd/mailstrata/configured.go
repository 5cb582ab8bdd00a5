package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/internal/config"
)

// systemConfig is the configuration of services; a user's own comes first.
const systemConfig = "/etc/mailstrata/config.toml"

// configPlaces are where the configuration is looked for; the first that is there counts.
func (p *program) configPlaces() []string {
	places := []string{systemConfig}
	if dir, err := p.ownDir("XDG_CONFIG_HOME", ".config", "Library/Application Support", "AppData"); err == nil {
		places = slices.Insert(places, 0, filepath.Join(dir, "config.toml"))
	}
	return places
}

// configFile is the configuration that counts; "": there is none. One that is named must be there. A service's that this
// user may not read is none of his.
func (p *program) configFile() (string, error) {
	if p.flags.ConfigFile != "" {
		_, err := os.Stat(p.flags.ConfigFile)
		if errors.Is(err, fs.ErrNotExist) {
			err = &usageError{text: "there is no configuration " + safe(p.flags.ConfigFile), hint: "check --config (MAILSTRATA_CONFIG)"}
		}
		return p.flags.ConfigFile, err
	}
	for _, path := range p.configPlaces() {
		f, err := os.Open(path)
		switch {
		case err == nil:
			return path, f.Close()
		case errors.Is(err, fs.ErrNotExist), path == systemConfig && errors.Is(err, fs.ErrPermission):
			continue
		}
		return "", err
	}
	return "", nil
}

// config is what the configuration says; of none, nothing.
func (p *program) config() (*config.Config, error) {
	if p.configured != nil {
		return p.configured, nil
	}
	file, err := p.configFile()
	if err != nil {
		return nil, err
	}
	c := &config.Config{}
	if file != "" {
		if c, err = config.Load(file, p.home()); err != nil {
			return nil, p.misconfigured(err)
		}
	}
	p.configured = c
	return c, nil
}

// misconfigured tells all that is wrong with the configuration.
func (p *program) misconfigured(err error) error {
	var problems config.Problems
	if !errors.As(err, &problems) {
		return err
	}
	for _, problem := range problems {
		line := oneLine(problem.Error())
		if meant := meant(problem); meant != "" {
			line += "; did you mean " + safe(meant) + "?"
		}
		p.say(line)
	}
	return &usageError{text: plural(len(problems), "problem") + " in " + safe(problems[0].File), hint: "docs/config.md explains every key; --config /dev/null does without"}
}

// meant is the name that somebody probably wanted to write.
func meant(problem config.Problem) string {
	wrote := problem.Key
	if _, value, quoted := strings.Cut(problem.Text, `"`); quoted {
		wrote, _, _ = strings.Cut(value, `"`)
	}
	return nearest(wrote, problem.Known)
}

// placeAt is a repository that the user names: one of the configuration, by its name or its place, or any other.
func (p *program) placeAt(text string) (*place, error) {
	c, err := p.config()
	if err != nil {
		return nil, err
	}
	if r := c.Repository(text); r != nil && text != "" {
		return configuredPlace(r)
	}
	if text, err = p.atHome(text); err != nil {
		return nil, err
	}
	l, err := parsePlace(text)
	if err != nil {
		return nil, err
	}
	for i := range c.Repositories {
		if other, err := configuredPlace(&c.Repositories[i]); err == nil && other.String() == l.String() {
			return other, nil
		}
	}
	return l, nil
}

func configuredPlace(r *config.Repository) (*place, error) {
	l, err := parsePlace(r.Place)
	if err == nil {
		l.configured = *r
	}
	return l, err
}

// configuredAccount is an account of the configuration; nil: it has none of this name.
func (p *program) configuredAccount(name string) (*account, error) {
	c, err := p.config()
	if err != nil {
		return nil, err
	}
	for i := range c.Accounts {
		if c.Accounts[i].Name == name {
			return accountOf(&c.Accounts[i])
		}
	}
	return nil, nil
}

// accountAt is an account that is named by its URL: one of the configuration, with its secret and its certificates, if the
// server, the user and the way there are the same; or any other.
func (p *program) accountAt(url string) (*account, error) {
	a, err := parseAccount(url)
	if err != nil {
		return nil, err
	}
	c, err := p.config()
	if err != nil {
		return nil, err
	}
	for i := range c.Accounts {
		other, err := accountOf(&c.Accounts[i])
		if err == nil && other.opts.User == a.opts.User && other.opts.Address() == a.opts.Address() && other.opts.Security == a.opts.Security {
			return other, nil
		}
	}
	return a, nil
}

func accountOf(configured *config.Account) (*account, error) {
	a, err := parseAccount(configured.URL)
	if err != nil {
		return nil, err
	}
	a.name, a.configured = configured.Name, *configured
	return a, nil
}
