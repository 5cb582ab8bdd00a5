package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/mailstrata/mailstrata/internal/cli"
)

// A signal ends the step that runs, and no other begins. The report says so.
func TestInterruptedRun(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	home := t.TempDir()
	config := filepath.Join(home, "config.toml")
	text := "[[repositories]]\nplace = 'repo'\nkey_file = 'key'\n[[accounts]]\nname = 'anna'\nurl = 'imap://anna@" + silent.Addr().String() +
		"'\nsecret_command = 'echo secret'\n[run]\ncheck = '30d'\nprune = '1d'\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	command := func(args ...string) *exec.Cmd {
		c := exec.Command("mailstrata", append(args, "--config", config)...)
		c.Dir = home
		c.Env = append(os.Environ(), "HOME="+home, "XDG_DATA_HOME=", "XDG_STATE_HOME=", "XDG_CACHE_HOME=", "DBUS_SESSION_BUS_ADDRESS=unix:path="+home+"/none")
		return c
	}
	if out, err := command("init", "--repo", filepath.Join(home, "repo"), "--new-key-file", filepath.Join(home, "key")).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	run := command("run", "--json")
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
	for _, s := range report.Steps[1:] {
		if s.Skipped != "the run was interrupted" {
			t.Errorf("%s: %q", s.Step, s.Skipped)
		}
	}
}
