package main

import (
	"bufio"
	"bytes"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/testbed"
)

// raceOptions are the options of the race detector in the programs that the tests start. By
// default, each program sleeps for a second before it exits, and there are hundreds.
const raceOptions = "atexit_sleep_ms=10"

// TestMain lets the scripts run mailstrata as a process, with a cheap scrypt work factor.
func TestMain(m *testing.M) {
	os.Setenv("GORACE", strings.TrimSpace(os.Getenv("GORACE")+" "+raceOptions))
	testscript.Main(m, map[string]func(){"mailstrata": func() { start(cli.Process{ScryptWork: 10}) }})
}

// TestScripts runs mailstrata as users do: testdata/*.txtar are sessions at a shell. Besides the
// commands of testscript, they have mailserver, status, damage, json and keyid (world_test.go), and
// provider, monitor and keyring.
func TestScripts(t *testing.T) {
	testscript.Run(t, scripts(t, "testdata", nil))
}

// TestBucket runs sessions with a repository in a bucket of a real object store.
func TestBucket(t *testing.T) {
	store := testbed.MinIO(t)
	testscript.Run(t, scripts(t, "testdata/bucket", map[string]string{
		"ENDPOINT":                  store.Endpoint,
		"BUCKET":                    store.NewBucket(),
		"AWS_ACCESS_KEY_ID":         store.AccessKey,
		"AWS_SECRET_ACCESS_KEY":     store.SecretKey,
		"AWS_EC2_METADATA_DISABLED": "true",
	}))
}

// scripts returns the parameters for the scripts of a directory, each with its own world.
func scripts(t *testing.T, dir string, variables map[string]string) testscript.Params {
	return testscript.Params{
		Dir:                 dir,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			w := newWorld(t)
			env.Defer(w.close)
			env.Values[worldKey{}] = w
			for name, dir := range map[string]string{
				"HOME": "home", "XDG_DATA_HOME": "home/data", "XDG_CACHE_HOME": "home/cache", "XDG_STATE_HOME": "home/state",
			} {
				env.Setenv(name, env.WorkDir+"/"+dir)
			}
			env.Setenv("TZ", "UTC")
			env.Setenv("GORACE", os.Getenv("GORACE"))
			env.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+env.WorkDir+"/no-bus") // the keyring of who runs the tests is his
			for name, value := range variables {
				env.Setenv(name, value)
			}
			return os.MkdirAll(env.WorkDir+"/home", 0o700)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"mailserver":     mailserver,
			"status":         status,
			"damage":         damage,
			"older":          older,
			"json":           jsonField,
			"keyid":          keyid,
			"oneday":         oneday,
			"provider":       provider,
			"serviceaccount": serviceaccount,
			"monitor":        monitor,
			"keyring":        keyringOf,
		},
	}
}

// A signal ends a command that waits for a server that never answers, with the status that shells
// expect.
func TestInterruption(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	home := t.TempDir()
	command := exec.Command("mailstrata", "backup", "--imap", "imap://anna@"+silent.Addr().String())
	command.Env = append(os.Environ(), "HOME="+home, "XDG_DATA_HOME=", "XDG_STATE_HOME=", "XDG_CACHE_HOME=", "MAILSTRATA_IMAP_PASSWORD=secret")
	var printed bytes.Buffer
	command.Stderr = &printed
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	conn, err := silent.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := command.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	err = command.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != cli.StatusInterrupted {
		t.Errorf("%v, want exit status %d", err, cli.StatusInterrupted)
	}
	if !strings.Contains(printed.String(), "mailstrata: interrupted") {
		t.Errorf("it printed: %s", printed.String())
	}
}

// A server that is asked to end does so, and that is no failure: its help says so.
func TestServeEndsWhenAsked(t *testing.T) {
	home := t.TempDir()
	run := func(args ...string) *exec.Cmd {
		command := exec.Command("mailstrata", append(args, "--repo", filepath.Join(home, "repo"))...)
		command.Env = append(os.Environ(), "HOME="+home, "XDG_DATA_HOME=", "XDG_STATE_HOME=", "XDG_CACHE_HOME=")
		return command
	}
	if out, err := run("init", "--no-seal").CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		command := run("serve", "--imap", "127.0.0.1:0", "--web", "none", "--json")
		out, err := command.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := bufio.NewReader(out).ReadString('\n'); err != nil { // it serves
			t.Fatal(err)
		}
		if err := command.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		if err := command.Wait(); err != nil {
			t.Errorf("%v: %v, want exit status 0", signal, err)
		}
	}
	help, err := run("serve", "--help").Output()
	if err != nil || !strings.Contains(string(help), "0 ended by Ctrl-C, SIGTERM or --stop-after;") {
		t.Errorf("the help does not say so: %v", err)
	}
}
