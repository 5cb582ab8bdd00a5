package main

import (
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/cli"
)

// completions returns the completions of the last word, however long they take.
func (s *sandbox) completions(t *testing.T, words ...string) string {
	t.Helper()
	return s.completionsWithin(t, 10*time.Minute, words...)
}

// completionsWithin is completions with a time limit; 0 is the one that users have.
func (s *sandbox) completionsWithin(t *testing.T, limit time.Duration, words ...string) string {
	t.Helper()
	var offered strings.Builder
	p := cli.Process{Patience: limit, Stdout: &offered, Stderr: &offered, Getenv: func(name string) string { return s.environ[name] }}
	if status := run(t.Context(), p, append([]string{"__complete", "--"}, words...)); status != cli.StatusDone {
		t.Errorf("completing %q ended with status %d", words, status)
	}
	return offered.String()
}

// The shell is offered commands, flags and their values, and the backups and mailboxes of the
// archive.
func TestCompletions(t *testing.T) {
	s := newSandbox(t)
	for _, c := range []struct {
		words []string
		want  string // among what is offered; "": nothing is
	}{
		{[]string{"res"}, "restore\tRestore mail"},
		{[]string{"key", ""}, "rotate\t"},
		{[]string{"restore", "latest", "--mis"}, "--missing-from\t"},
		{[]string{"restore", "--layout", ""}, "maildir++\t"},
		{[]string{"restore", "--layout=n"}, "--layout=nested\t"},
		{[]string{"show", ""}, "latest\tthe newest"},
		{[]string{"show", ""}, ", anna, 30 messages"},
		{[]string{"show", "anna@"}, "anna@"},
		{[]string{"restore", "--missing-from", ""}, "latest\t"},
		{[]string{"ls", "latest", "Pro"}, "Projects/Bridge\t8 messages"},
		{[]string{"restore", "latest", "--mailbox", "Projects/B"}, "Projects/Bridge\t"},
		{[]string{"restore", "latest", "--mailbox=Projects/B"}, "--mailbox=Projects/Bridge\t"},
		{[]string{"find", "--mailbox", "Projects/B"}, "Projects/Bridge\t"},
		{[]string{"list", "an"}, "anna\t"},
		{[]string{"-q", "ls", "latest", "Pro"}, "Projects/Bridge\t"},
		{[]string{"--repo", filepath.Join(s.environ["XDG_DATA_HOME"], "mailstrata", "repository"), "--key-file", filepath.Join(s.environ["XDG_DATA_HOME"], "mailstrata", "key"), "list", ""}, "anna\t"},
		{[]string{"init", "--new-key-file", ""}, ":files"},
		{[]string{"--repo", "/nowhere/at/all", "list", ""}, ""},
		{[]string{"ls", "no-such-manifest", ""}, ""},
		{[]string{"no-such-command", "--no-such-flag", ""}, "backup\t"},
		{[]string{"ls", "latest", "INBOX", "too", "many"}, ""},
		{[]string{}, "backup\t"},
		{[]string{"__"}, ""},
	} {
		got := s.completions(t, c.words...)
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%q offers %q, want %q", c.words, got, c.want)
		}
	}
}

// Arguments that take names of the configuration complete them. No secret is read.
func TestCompletionsOfTheConfiguration(t *testing.T) {
	s := newSandbox(t)
	config := filepath.Join(t.TempDir(), "config.toml")
	const text = `
[[repositories]]
name = "home"
place = "home.repo"
secret_keyring = "home"
[[accounts]]
name = "anna's mail"
url = "imaps://anna@mail.example"
secret_command = "exit 1"
[[accounts]]
url = "imaps://jo@mail.example"
oauth2_provider = "uni"
[[oauth2_providers]]
name = "uni"
client_id = "archive"
token_url = "https://id.example/token"
device_url = "https://id.example/device"
`
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s.environ["MAILSTRATA_CONFIG"] = config
	for _, c := range []struct {
		words []string
		want  string // all that is offered
	}{
		{[]string{"backup", ""}, "anna's mail\timaps://anna@mail.example\njo@mail.example\timaps://jo@mail.example\n"},
		{[]string{"auth", "an"}, "anna's mail\timaps://anna@mail.example\n"},
		{[]string{"auth", "jo@mail.example", "h"}, "home\trepository " + filepath.Dir(config) + "/home.repo\n"},
		{[]string{"doctor", "h"}, "home\trepository " + filepath.Dir(config) + "/home.repo\n"},
		{[]string{"auth", "--provider", "u"}, "uni\tin the configuration\n"},
		{[]string{"auth", "--provider=g"}, "--provider=google\tGmail\n"},
		{[]string{"list", "--repo=h"}, "--repo=home\trepository " + filepath.Dir(config) + "/home.repo\n"},
		{[]string{"copy", "--to=h"}, "--to=home\trepository " + filepath.Dir(config) + "/home.repo\n"},
		{[]string{"restore", "latest", "--to=jo"}, "--to=jo@mail.example\timaps://jo@mail.example\n"},
		{[]string{"show", "l"}, ""},
	} {
		if got := s.completions(t, c.words...); got != c.want {
			t.Errorf("%q offers %q, want %q", c.words, got, c.want)
		}
	}
}

// A completion does not wait for a server that never answers, and asks no question.
func TestCompletionIsQuickAndQuiet(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	s := newSandbox(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "nobody")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret-of-nobody")
	if got := s.completionsWithin(t, 0, "--repo", "s3:http://"+silent.Addr().String()+"/mail", "list", ""); got != "" {
		t.Errorf("offered: %q", got)
	}
	if got := s.completions(t, "--password-command", "exit 1", "list", "a"); !strings.HasPrefix(got, "anna\t") {
		t.Errorf("offered: %q", got)
	}
}

func TestCompletionScripts(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		var script strings.Builder
		p := cli.Process{Stdout: &script, Stderr: io.Discard, Getenv: func(string) string { return "" }}
		if status := run(t.Context(), p, []string{"completion", shell}); status != cli.StatusDone || !strings.Contains(script.String(), "__complete") {
			t.Errorf("%s: status %d:\n%s", shell, status, script.String())
		}
		if path, err := exec.LookPath(shell); err == nil {
			command := exec.Command(path, "-n")
			command.Stdin = strings.NewReader(script.String())
			if text, err := command.CombinedOutput(); err != nil {
				t.Errorf("%s does not read it: %v\n%s", shell, err, text)
			}
		}
	}
}
