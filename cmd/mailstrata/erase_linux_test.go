package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/testbed"
)

// The user confirms an erasure by typing the name. Any other word changes nothing.
func TestEraseIsConfirmed(t *testing.T) {
	if tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0); err == nil {
		tty.Close()
		t.Skip("this test needs a process without a terminal")
	}
	s := newSandbox(t)
	for _, try := range []struct {
		typed  string
		status int
		listed bool
	}{{"yes", cli.StatusFailed, true}, {"anna@elsewhere", cli.StatusFailed, true}, {"anna", cli.StatusDone, false}} {
		master, slave := testbed.OpenPTY(t, 80)
		if _, err := fmt.Fprintln(master, try.typed); err != nil {
			t.Fatal(err)
		}
		p := cli.Process{Stdin: slave, Stdout: io.Discard, Stderr: io.Discard, Getenv: func(name string) string { return s.environ[name] }}
		if status := run(t.Context(), p, []string{"erase", "anna"}); status != try.status {
			t.Errorf("%q ends with status %d, want %d", try.typed, status, try.status)
		}
		if err := slave.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
			t.Log(err) // the command closes it
		}
		var list strings.Builder
		s.run(t, &list, "list", "--json")
		if strings.Contains(list.String(), `"account":"anna"`) != try.listed {
			t.Errorf("after %q: %s", try.typed, list.String())
		}
	}
}
