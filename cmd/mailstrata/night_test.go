package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/local"
)

// scheduled is a host with a repository and a configuration.
type scheduled struct {
	t    *testing.T
	home string
}

// newScheduled returns a host with these lines in its configuration, beside the repository.
func newScheduled(t *testing.T, lines ...string) *scheduled {
	s := &scheduled{t, t.TempDir()}
	text := "[[repositories]]\nplace = 'repo'\nkey_file = 'key'\n" + strings.Join(lines, "\n")
	if err := os.WriteFile(filepath.Join(s.home, "config.toml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	init := s.command("init", "--repo", filepath.Join(s.home, "repo"), "--new-key-file", filepath.Join(s.home, "key"))
	if out, err := init.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return s
}

func (s *scheduled) command(args ...string) *exec.Cmd {
	c := exec.Command("mailstrata", append(args, "--config", filepath.Join(s.home, "config.toml"))...)
	c.Dir = s.home
	c.Env = append(os.Environ(), "HOME="+s.home, "XDG_DATA_HOME=", "XDG_CACHE_HOME=", "XDG_STATE_HOME="+filepath.Join(s.home, "state"),
		"DBUS_SESSION_BUS_ADDRESS=unix:path="+s.home+"/none")
	return c
}

// A signal ends the step that runs, and no other begins. The report says so.
func TestInterruptedRun(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	s := newScheduled(t, "[[accounts]]", "name = 'anna'", "url = 'imap://anna@"+silent.Addr().String()+"'", "secret_command = 'echo secret'",
		"[run]", "check = '30d'", "prune = '1d'")
	run := s.command("run", "--json")
	var printed, said bytes.Buffer
	run.Stdout, run.Stderr = &printed, &said
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	conn, err := silent.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := run.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	err = run.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != cli.StatusInterrupted {
		t.Errorf("%v, want exit status %d\n%s", err, cli.StatusInterrupted, said.String())
	}
	var report struct {
		Status int
		Steps  []struct{ Step, Skipped string }
	}
	if err := json.Unmarshal(printed.Bytes(), &report); err != nil {
		t.Fatalf("%v: %s", err, printed.String())
	}
	if report.Status != cli.StatusInterrupted || len(report.Steps) != 3 || report.Steps[0].Skipped != "" {
		t.Fatalf("%+v", report)
	}
	for _, step := range report.Steps[1:] {
		if step.Skipped != "the run was interrupted" {
			t.Errorf("%s: %q", step.Step, step.Skipped)
		}
	}
}

// Of two runs on a host, the second waits for the first.
func TestSecondRunWaits(t *testing.T) {
	s := newScheduled(t, "[run]", "check = '30d'")
	unlock, _, err := local.Lock(t.Context(), filepath.Join(s.home, "state", "mailstrata", "run.lock"), nil)
	if err != nil {
		t.Fatal(err)
	}
	run := s.command("run")
	said, err := run.StderrPipe()
	if err == nil {
		err = run.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(said).ReadString('\n')
	if err != nil || !strings.Contains(line, "waiting for another mailstrata run") {
		t.Errorf("it says %q, error %v", line, err)
	}
	unlock()
	if err := run.Wait(); err != nil {
		t.Error(err)
	}
}
