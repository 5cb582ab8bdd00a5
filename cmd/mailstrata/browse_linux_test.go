package main

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gdamore/tcell/v3/vt"

	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/testbed"
)

// person is somebody at a terminal, which is emulated.
type person struct {
	t      *testing.T
	term   vt.MockTerm
	master *os.File
}

// sits starts mailstrata on a terminal.
func (s *sandbox) sits(t *testing.T, args ...string) (*person, *exec.Cmd) {
	t.Helper()
	master, slave := testbed.OpenPTY(t, 80)
	command := exec.CommandContext(t.Context(), "mailstrata", args...)
	for name, value := range s.environ {
		command.Env = append(command.Env, name+"="+value)
	}
	command.Env = append(command.Env, "TERM=xterm-256color", "PATH="+os.Getenv("PATH"), "TZ=UTC")
	command.Stdin, command.Stdout, command.Stderr, command.Dir = slave, slave, slave, s.environ["HOME"]
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Pdeathsig: syscall.SIGKILL}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	p := &person{t, vt.NewMockTerm(vt.MockOptSize{X: 80, Y: 24}), master}
	if err := p.term.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.term.Stop() })
	go func() { _, _ = io.Copy(p.term, master) }()
	go func() { _, _ = io.Copy(master, p.term) }() // answers to what the program asks the terminal
	return p, command
}

func (p *person) screen() string {
	var b strings.Builder
	for y := range 24 {
		for x := 0; x < 80; {
			cell := p.term.GetCell(vt.Coord{X: vt.Col(x), Y: vt.Row(y)})
			if cell.C == "" {
				cell.C = " "
			}
			b.WriteString(cell.C)
			x += max(cell.W, 1)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// sees waits until the screen has a text.
func (p *person) sees(text string) {
	p.t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); !strings.Contains(p.screen(), text); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("%q is not on the screen:\n%s", text, p.screen())
		}
	}
}

func (p *person) types(keys string) {
	p.t.Helper()
	if _, err := p.master.WriteString(keys); err != nil {
		p.t.Fatal(err)
	}
}

// Somebody looks for a message of a folder, reads it, marks it and another, and restores both.
func TestBrowse(t *testing.T) {
	s := newSandbox(t)
	out := filepath.Join(s.environ["HOME"], "out")
	p, command := s.sits(t, "browse", "--to", "eml:"+out)
	p.sees("BACKUP")
	p.sees("1 of 1")
	p.types("\r")
	p.sees("Projects/Bridge")
	p.types("\x1b[B\x1b[B\x1b[B\x1b[B\x1b[B\x1b[B\x1b[B")
	p.sees("8 of 10")
	p.types("\r")
	p.sees("North pier, second survey")
	p.types("\r")
	p.sees("Agreed.")
	p.types("\x1b[D")
	p.sees("1 of 8")
	p.types("  ")
	p.sees("2 marked")
	p.types("/old bridge\r")
	p.sees("search: old bridge")
	p.sees("Re: The old bridge")
	p.types("\x1b[Dr")
	p.sees("Restore to: eml:")
	p.types("\r")
	p.sees("--mailbox Projects/Bridge --message 7:8 --to \\") // as it can be copied
	p.sees("\n  eml:")
	p.sees("Run this command?")
	p.types("y\n")
	p.sees("restored 2 messages in 1 mailbox")
	if err := command.Wait(); err != nil {
		t.Error(err)
	}
	if files, _ := filepath.Glob(filepath.Join(out, "Projects", "Bridge", "*.eml")); len(files) != 2 {
		t.Errorf("restored: %v", files)
	}
}

// With several accounts, each is offered as the target of what was archived of it, and none for
// what is of two.
func TestBrowseOffersTheAccount(t *testing.T) {
	s := newSandbox(t)
	var listed strings.Builder
	if status := s.run(t, &listed, "list", "--json"); status != cli.StatusDone {
		t.Fatalf("list ended with status %d", status)
	}
	var night struct{ Source string }
	if err := json.Unmarshal([]byte(listed.String()), &night); err != nil {
		t.Fatal(err)
	}
	mailbox := filepath.Join(t.TempDir(), "one.eml")
	if err := os.WriteFile(mailbox, []byte("Subject: one\r\n\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if status := s.run(t, io.Discard, "backup", "--from", "eml:"+filepath.Dir(mailbox), "--name", "files"); status != cli.StatusDone {
		t.Fatalf("the backup ended with status %d", status)
	}
	p, command := s.sits(t, "browse")
	p.sees("> ")
	p.sees("anna")
	p.types("\r")
	p.sees("Accounts › anna")
	p.sees("232 kB")
	p.types("r")
	p.sees("Restore to: " + night.Source)
	p.types("\x1b")
	p.sees("1 of 1")
	p.types("\x1b[D")
	p.sees("1 of 2")
	p.types("\x1b[B")
	p.sees("2 of 2")
	p.types("\r")
	p.sees("Accounts › files")
	p.sees("16 B")
	p.types("r")
	p.sees("or an account): _")
	p.types("\x03")
	if err := command.Wait(); err != nil {
		t.Error(err)
	}
}
