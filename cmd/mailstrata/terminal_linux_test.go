package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mailstrata/mailstrata/internal/demo"
)

// pty is a terminal of so many columns, and what is written to it until it is closed.
func pty(t *testing.T, columns int) (*os.File, func() string) {
	t.Helper()
	master, slave := openPTY(t, columns)
	read := make(chan string)
	go func() {
		text, _ := io.ReadAll(master) // it ends with an error when nobody has the other side any more
		read <- strings.ReplaceAll(string(text), "\r\n", "\n")
	}()
	return slave, func() string {
		slave.Close()
		return <-read
	}
}

// openPTY gives both sides of a terminal: the master is who sits at it.
func openPTY(t *testing.T, columns int) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	fd := int(master.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: uint16(columns)})
	}
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return master, slave
}

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

// On a terminal, rows fit it, and lists go through the pager that the user wants.
func TestOnTerminal(t *testing.T) {
	s := newSandbox(t)
	s.environ["PAGER"] = "sed 's/^/paged: /'"
	for _, command := range [][]string{
		{"list"}, {"ls", "latest"}, {"ls", "latest", "INBOX"}, {"find", "--since", "1990-01-01"}, {"show", "latest"},
	} {
		terminal, text := pty(t, 77)
		if status := s.run(t, terminal, command...); status != statusDone {
			t.Errorf("%v ended with status %d", command, status)
		}
		shown := text()
		if !strings.HasPrefix(shown, "paged: ") {
			t.Errorf("%v is not paged:\n%s", command, shown)
		}
		for line := range strings.Lines(shown) {
			line = strings.TrimPrefix(strings.TrimSuffix(line, "\n"), "paged: ")
			if name, rest, _ := strings.Cut(line, "  "); name != "id" && rest != "" && cut(line, 77) != line {
				t.Errorf("%v: a row of more than 77 cells: %s", command, line)
			}
		}
	}
	terminal, text := pty(t, 77)
	s.run(t, terminal, "list", "--no-pager")
	if shown := text(); strings.Contains(shown, "paged: ") || !strings.Contains(shown, "AGE") {
		t.Errorf("with --no-pager:\n%s", shown)
	}
}

// A pager that is quit is no failure, and nothing is told of it.
func TestPagerIsQuit(t *testing.T) {
	s := newSandbox(t)
	s.environ["PAGER"] = "true"
	terminal, text := pty(t, 200)
	var told strings.Builder
	p := &program{stdout: terminal, stderr: &told, getenv: func(name string) string { return s.environ[name] }}
	status := p.run(t.Context(), []string{"find", "--since", "1990-01-01"})
	if status != statusDone || told.Len() > 0 || text() != "" {
		t.Errorf("status %d, told %q", status, told.String())
	}
}

// Colours are for terminals, unless they are asked for, and NO_COLOR is obeyed.
func TestColours(t *testing.T) {
	for _, c := range []struct {
		terminal bool
		flag     string
		environ  map[string]string
		want     bool
	}{
		{true, "auto", nil, true},
		{true, "auto", map[string]string{"NO_COLOR": "1"}, false},
		{true, "auto", map[string]string{"TERM": "dumb"}, false},
		{true, "always", map[string]string{"NO_COLOR": "1"}, true},
		{true, "never", nil, false},
		{false, "auto", nil, false},
		{false, "always", nil, true},
	} {
		var w io.Writer = io.Discard
		if c.terminal {
			w, _ = pty(t, 80)
		}
		p := &program{getenv: func(name string) string { return c.environ[name] }}
		p.flags.Color = c.flag
		if got := p.look(w); got.coloured != c.want || got.width > 0 != c.terminal {
			t.Errorf("%+v: %+v", c, got)
		}
	}
}
