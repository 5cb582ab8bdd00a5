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

// systemConfig is the configuration of services. A user's configuration comes first.
const systemConfig = "/etc/mailstrata/config.toml"

// ConfigPaths returns the paths of the configuration. Only the first file that exists is used.
func (h *Host) ConfigPaths() []string {
	places := []string{systemConfig}
	if dir, err := h.ownDir("XDG_CONFIG_HOME", ".config", "Library/Application Support", "AppData"); err == nil {
		places = slices.Insert(places, 0, filepath.Join(dir, "config.toml"))
	}
	return places
}

// ConfigFile returns the path of the configuration, or "". A file that a flag names must exist. A system configuration
// that this user may not read is ignored.
func (h *Host) ConfigFile() (string, error) {
	if h.Flags.ConfigFile != "" {
		_, err := os.Stat(h.Flags.ConfigFile)
		if errors.Is(err, fs.ErrNotExist) {
			err = &hint.Usage{Text: "no such configuration: " + ui.Safe(h.Flags.ConfigFile), Hint: "check --config (MAILSTRATA_CONFIG)"}
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

// Config returns the configuration. Without a file, it is empty.
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

// Names returns the names of the accounts and repositories of the configuration.
func (h *Host) Names() []string {
	c, err := h.Config()
	if err != nil {
		return nil
	}
	return c.Names()
}

// ReportProblems writes all problems of the configuration to standard error, and returns an error with their number.
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
	return &hint.Usage{Text: ui.Plural(len(problems), "problem") + " in " + ui.Safe(problems[0].File), Hint: "docs/config.md explains every key; --config /dev/null ignores the configuration"}
}

// Meant returns the name that the user probably meant, or "".
func Meant(problem config.Problem) string {
	wrote := problem.Key
	if _, value, quoted := strings.Cut(problem.Text, `"`); quoted {
		wrote, _, _ = strings.Cut(value, `"`)
	}
	return ui.Nearest(wrote, problem.Known)
}
