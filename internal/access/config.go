package access

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/internal/config"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// systemConfig is the configuration of services; a user's own comes first.
const systemConfig = "/etc/mailstrata/config.toml"

// ConfigPaths are where the configuration is looked for; the first that is there counts.
func (h *Host) ConfigPaths() []string {
	places := []string{systemConfig}
	if dir, err := h.ownDir("XDG_CONFIG_HOME", ".config", "Library/Application Support", "AppData"); err == nil {
		places = slices.Insert(places, 0, filepath.Join(dir, "config.toml"))
	}
	return places
}

// ConfigFile is the configuration that counts; "": there is none. One that is named must be there. A service's that this
// user may not read is none of his.
func (h *Host) ConfigFile() (string, error) {
	if h.Flags.ConfigFile != "" {
		_, err := os.Stat(h.Flags.ConfigFile)
		if errors.Is(err, fs.ErrNotExist) {
			err = &hint.Usage{Text: "there is no configuration " + ui.Safe(h.Flags.ConfigFile), Hint: "check --config (MAILSTRATA_CONFIG)"}
		}
		return h.Flags.ConfigFile, err
	}
	for _, path := range h.ConfigPaths() {
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

// Config is what the configuration says; of none, nothing.
func (h *Host) Config() (*config.Config, error) {
	if h.configured != nil {
		return h.configured, nil
	}
	file, err := h.ConfigFile()
	if err != nil {
		return nil, err
	}
	c := &config.Config{}
	if file != "" {
		if c, err = config.Load(file, h.Home()); err != nil {
			return nil, h.ReportProblems(err)
		}
	}
	h.configured = c
	return c, nil
}

// Names are those of the accounts and repositories of the configuration.
func (h *Host) Names() []string {
	c, err := h.Config()
	if err != nil {
		return nil
	}
	return c.Names()
}

// ReportProblems tells all that is wrong with the configuration.
func (h *Host) ReportProblems(err error) error {
	var problems config.Problems
	if !errors.As(err, &problems) {
		return err
	}
	for _, problem := range problems {
		line := ui.OneLine(problem.Error())
		if meant := Meant(problem); meant != "" {
			line += "; did you mean " + ui.Safe(meant) + "?"
		}
		h.Output.Say(line)
	}
	return &hint.Usage{Text: ui.Plural(len(problems), "problem") + " in " + ui.Safe(problems[0].File), Hint: "docs/config.md explains every key; --config /dev/null does without"}
}

// Meant is the name that somebody probably wanted to write.
func Meant(problem config.Problem) string {
	wrote := problem.Key
	if _, value, quoted := strings.Cut(problem.Text, `"`); quoted {
		wrote, _, _ = strings.Cut(value, `"`)
	}
	return ui.Nearest(wrote, problem.Known)
}
