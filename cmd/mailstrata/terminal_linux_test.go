package main

import (
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/demo"
	"github.com/mailstrata/mailstrata/internal/testbed"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// sandbox is a user with an archived account, who runs commands in this process.
type sandbox struct{ environ map[string]string }

func newSandbox(t *testing.T) *sandbox {
	t.Helper()
	server, err := demo.Start(demo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	account, err := server.AddAccount("anna", "secret-of-anna")
	if err == nil {
		err = demo.Fill(account)
	}
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	s := &sandbox{map[string]string{
		"HOME": home, "XDG_DATA_HOME": filepath.Join(home, "data"), "XDG_CACHE_HOME": filepath.Join(home, "cache"),
		"XDG_STATE_HOME": filepath.Join(home, "state"), "XDG_CONFIG_HOME": filepath.Join(home, "config"), "MAILSTRATA_IMAP_PASSWORD": "secret-of-anna",
	}}
	if status := s.run(t, io.Discard, "backup", "-q", "--imap", server.URL("anna"), "--name", "anna"); status != cli.StatusDone {
		t.Fatalf("the backup ended with status %d", status)
	}
	return s
}

func (s *sandbox) run(t *testing.T, stdout io.Writer, args ...string) int {
	p := cli.Process{Stdout: stdout, Stderr: io.Discard, Getenv: func(name string) string { return s.environ[name] }}
	return run(t.Context(), p, args)
}

// On a terminal, rows fit its width, and lists go through $PAGER.
func TestOnTerminal(t *testing.T) {
	s := newSandbox(t)
	s.environ["PAGER"] = "sed 's/^/paged: /'"
	for _, command := range [][]string{
		{"list"}, {"ls", "latest"}, {"ls", "latest", "INBOX"}, {"find", "--since", "1990-01-01"}, {"show", "latest"},
	} {
		terminal, text := testbed.PTY(t, 77)
		if status := s.run(t, terminal, command...); status != cli.StatusDone {
			t.Errorf("%v ended with status %d", command, status)
		}
		shown := text()
		if !strings.HasPrefix(shown, "paged: ") {
			t.Errorf("%v is not paged:\n%s", command, shown)
		}
		for line := range strings.Lines(shown) {
			line = strings.TrimPrefix(strings.TrimSuffix(line, "\n"), "paged: ")
			if name, rest, _ := strings.Cut(line, "  "); name != "id" && rest != "" && ui.Cut(line, 77) != line {
				t.Errorf("%v: a row of more than 77 cells: %s", command, line)
			}
		}
	}
	terminal, text := testbed.PTY(t, 77)
	s.run(t, terminal, "list", "--no-pager")
	if shown := text(); strings.Contains(shown, "paged: ") || !strings.Contains(shown, "AGE") {
		t.Errorf("with --no-pager:\n%s", shown)
	}
	terminal, text = testbed.PTY(t, 77)
	s.run(t, terminal, "index", "build")
	if shown := text(); !strings.Contains(shown, " kB\n  on disk\n") {
		t.Errorf("index build:\n%s", shown)
	}
}

// The commands of the demo print for the terminal of the demo.
func TestDemoOnTerminal(t *testing.T) {
	home := t.TempDir()
	environ := map[string]string{"HOME": home, "PAGER": "sed 's/^/paged: /'"}
	terminal, text := testbed.PTY(t, 80)
	p := cli.Process{Stdout: terminal, Stderr: terminal, Getenv: func(name string) string { return environ[name] }}
	// The name is as long as that of the directory that the demo makes.
	status := run(t.Context(), p, []string{"demo", "--color=never", "--keep", filepath.Join(home, "mailstrata-demo-2495548992")})
	shown := text()
	if status != cli.StatusDone || strings.Contains(shown, "paged: ") {
		t.Errorf("status %d, printed:\n%s", status, shown)
	}
	for line := range strings.Lines(shown) {
		line = line[strings.LastIndexByte(strings.TrimSuffix(line, "\n"), '\r')+1:]
		if line = strings.TrimSuffix(line, "\n"); !strings.Contains(line, home) && ui.Cut(line, 80) != line {
			t.Errorf("a line of more than 80 cells: %q", line)
		}
	}
	if !strings.Contains(shown, " \\\n    --with-deleted\n") {
		t.Errorf("the command that restores is not broken:\n%s", shown)
	}
}

// Quitting the pager is not a failure, and nothing is printed about it.
func TestPagerIsQuit(t *testing.T) {
	s := newSandbox(t)
	s.environ["PAGER"] = "true"
	terminal, text := testbed.PTY(t, 200)
	var printed strings.Builder
	p := cli.Process{Stdout: terminal, Stderr: &printed, Getenv: func(name string) string { return s.environ[name] }}
	status := run(t.Context(), p, []string{"find", "--quiet", "--since", "1990-01-01"})
	if status != cli.StatusDone || printed.Len() > 0 || text() != "" {
		t.Errorf("status %d, printed %q", status, printed.String())
	}
}

// The commands that find prints are broken on a narrow terminal so that a shell takes them as they
// are copied.
func TestFoundCommandsCanBeCopied(t *testing.T) {
	s := newSandbox(t)
	terminal, text := testbed.PTY(t, 60)
	p := cli.Process{Stdout: io.Discard, Stderr: terminal, Getenv: func(name string) string { return s.environ[name] }}
	if status := run(t.Context(), p, []string{"find", "--subject", "pier", "--since", "1990-01-01"}); status != cli.StatusDone {
		t.Fatalf("find ended with status %d", status)
	}
	shown := strings.ReplaceAll(text(), "\r\n", "\n")
	for _, want := range []string{":\n    mailstrata restore ", " \\\n      --message "} {
		if !strings.Contains(shown, want) {
			t.Errorf("%q is not in: %s", want, shown)
		}
	}
	for line := range strings.Lines(shown) {
		line = line[strings.LastIndex(line, "\x1b[K")+1:] // after the progress
		if len(strings.TrimRight(line, "\n")) > 62 {
			t.Errorf("%q is wider than the terminal", line)
		}
	}
}
