package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/testbed/need"
)

// contrib reads a file of this repository, by its path from the root.
func contrib(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// parses requires a valid command line.
func parses(t *testing.T, args []string) {
	t.Helper()
	var grammar commandLine
	helped := false
	p := cli.New(cli.Process{Getenv: func(string) string { return "" }}, func(error) {})
	parser, err := parserOf(t.Context(), p, &grammar, &helped)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(args); err != nil {
		t.Errorf("mailstrata %s: %v", strings.Join(args, " "), err)
	}
}

func value(t *testing.T, text, name string) string {
	t.Helper()
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, name+"="); ok {
			return strings.TrimSpace(value)
		}
	}
	t.Fatalf("there is no %s=", name)
	return ""
}

// systemd accepts the units without warnings, and they start a valid command.
func TestUnits(t *testing.T) {
	service := contrib(t, "contrib/systemd/mailstrata.service")
	accounts := value(t, contrib(t, "contrib/systemd/environment"), "ACCOUNTS")
	start := strings.Fields(strings.ReplaceAll(value(t, service, "ExecStart"), "$ACCOUNTS", accounts))
	parses(t, start[1:])
	own := contrib(t, "contrib/systemd/user/mailstrata.service")
	parses(t, strings.Fields(value(t, own, "ExecStart"))[1:])
	server := contrib(t, "contrib/systemd/user/mailstrata-serve.service")
	parses(t, strings.Fields(value(t, server, "ExecStart"))[1:])
	systemdAnalyze := need.Program(t, "systemd-analyze", "the commands of the units are checked, their syntax is not")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "user"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"user/mailstrata.service":       strings.ReplaceAll(own, start[0], self),
		"user/mailstrata-serve.service": strings.ReplaceAll(server, start[0], self),
		"mailstrata.service":            strings.ReplaceAll(service, start[0], self),
		"mailstrata.timer":              contrib(t, "contrib/systemd/mailstrata.timer"),
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(systemdAnalyze, "verify", "--man=no", path).CombinedOutput(); err != nil || bytes.Contains(out, []byte("mailstrata")) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	// The remaining exposure is what the job needs: the network, local sockets, and the file
	// system.
	analyze := exec.Command(systemdAnalyze, "security", "--no-pager", "--offline=true", "--threshold=11", filepath.Join(dir, "mailstrata.service"))
	if out, err := analyze.CombinedOutput(); err != nil {
		t.Errorf("the unit is more exposed than 1.1: %v\n%s", err, out)
	}
}

// The line for cron is a command that mailstrata parses.
func TestCron(t *testing.T) {
	for line := range strings.Lines(contrib(t, "contrib/cron/mailstrata")) {
		if strings.HasPrefix(line, "30 2 ") {
			command, ok := strings.CutSuffix(strings.TrimSpace(line), " >/dev/null")
			if fields := strings.Fields(command); ok && fields[6] == "mailstrata" {
				parses(t, fields[7:])
				return
			}
		}
	}
	t.Error("no line of cron's starts mailstrata")
}

// The example of a container starts the program as it can be started, with variables that it reads.
func TestContainerExample(t *testing.T) {
	_, command, _ := strings.Cut(contrib(t, "docs/guides/browse.md"), "# docker run ")
	command, _, ok := strings.Cut(strings.ReplaceAll(command, "\\\n", " "), "\n")
	options, args, found := strings.Cut(command, " mailstrata ")
	if !ok || !found {
		t.Fatalf("the guide has the command %q", command)
	}
	parses(t, strings.Fields(args))
	for _, wanted := range []string{"--network host", ":/state ", ":/cache ", "MAILSTRATA_REPO=", "MAILSTRATA_KEY_FILE=/secrets/", "AWS_SECRET_ACCESS_KEY"} {
		if !strings.Contains(options+" ", wanted) {
			t.Errorf("the example lacks %s: %s", wanted, options)
		}
	}
}

// The image is built with a valid go command, and the Go version of go.mod.
func TestDockerfile(t *testing.T) {
	text := contrib(t, "Dockerfile")
	_, command, ok := strings.Cut(text, "RUN CGO_ENABLED=0 ")
	command, _, _ = strings.Cut(command, "\n")
	words := strings.Fields(command)
	if !ok || len(words) < 3 || words[1] != "build" {
		t.Fatalf("it builds by %q", command)
	}
	list := exec.Command("go", append([]string{"list", "-f", "{{.Name}}"}, words[len(words)-1])...)
	list.Dir = filepath.Join("..", "..")
	if out, err := list.CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != "main" {
		t.Errorf("%v\n%s", err, out)
	}
	_, version, _ := strings.Cut(contrib(t, "go.mod"), "\ngo ")
	version, _, _ = strings.Cut(version, "\n")
	if minor := strings.Join(strings.Split(version, ".")[:2], "."); !strings.Contains(text, "FROM golang:"+minor+" AS build") {
		t.Errorf("go.mod wants Go %s", minor)
	}
}
