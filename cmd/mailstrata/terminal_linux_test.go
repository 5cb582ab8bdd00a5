package main

import (
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rivo/uniseg"

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
	if status := s.run(t, io.Discard, "backup", "-q", "--imap", server.URL("anna"), "--name", "anna"); status != statusDone {
		t.Fatalf("the backup ended with status %d", status)
	}
	return s
}

func (s *sandbox) run(t *testing.T, stdout io.Writer, args ...string) int {
	p := &program{stdout: stdout, stderr: io.Discard, getenv: func(name string) string { return s.environ[name] }}
	return p.run(t.Context(), args)
}

// On a terminal, rows fit its width, and lists go through $PAGER.
func TestOnTerminal(t *testing.T) {
	s := newSandbox(t)
	s.environ["PAGER"] = "sed 's/^/paged: /'"
	for _, command := range [][]string{
		{"list"}, {"ls", "latest"}, {"ls", "latest", "INBOX"}, {"find", "--since", "1990-01-01"}, {"show", "latest"},
	} {
		terminal, text := testbed.PTY(t, 77)
		if status := s.run(t, terminal, command...); status != statusDone {
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
}

// Quitting the pager is not a failure, and nothing is printed about it.
func TestPagerIsQuit(t *testing.T) {
	s := newSandbox(t)
	s.environ["PAGER"] = "true"
	terminal, text := testbed.PTY(t, 200)
	var printed strings.Builder
	p := &program{stdout: terminal, stderr: &printed, getenv: func(name string) string { return s.environ[name] }}
	status := p.run(t.Context(), []string{"find", "--quiet", "--since", "1990-01-01"})
	if status != statusDone || printed.Len() > 0 || text() != "" {
		t.Errorf("status %d, printed %q", status, printed.String())
	}
}

// A list of manifests fits a narrow terminal, and keeps the names of the accounts whole.
func TestManifestsFit(t *testing.T) {
	for _, width := range []int{60, 80, 100} {
		terminal, text := testbed.PTY(t, width)
		p := &program{Output: ui.New(nil, terminal, io.Discard, func(string) string { return "" }, func(error) {})}
		p.Configure(ui.Settings{})
		manifests := []manifestSummary{{ID: strings.Repeat("0", 64), Account: "anna@mail.example", Time: time.Now().Add(-2 * time.Minute), Messages: 12345678, Bytes: 1 << 40, Failures: 12, Alarms: 1, Warnings: 3}}
		if err := printManifests(p, manifests, true); err != nil {
			t.Fatal(err)
		}
		_ = p.Flush()
		listed := text()
		for line := range strings.Lines(listed) {
			if got := uniseg.StringWidth(strings.TrimSuffix(line, "\n")); got > width {
				t.Errorf("%d cells on a terminal of %d: %s", got, width, line)
			}
		}
		if !strings.Contains(listed, "anna@mail.example") || !strings.Contains(listed, "12 failures, shrank, 3 warnings") {
			t.Errorf("on a terminal of %d cells the account or a remark is missing:\n%s", width, listed)
		}
	}
}
