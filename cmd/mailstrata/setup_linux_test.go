package main

import (
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/testbed"
)

// TestDialogs runs sessions of a person at a terminal: testdata/dialogs/*.txtar have the
// transcripts.
func TestDialogs(t *testing.T) {
	params := scripts(t, "testdata/dialogs", map[string]string{"TERM": "dumb", "XDG_CONFIG_HOME": ""})
	params.Cmds["dialog"], params.Cmds["interrupted"] = dialog, interrupted
	testscript.Run(t, params)
}

// TestDialogsElsewhere runs sessions whose archive is in a bucket, and on another host.
func TestDialogsElsewhere(t *testing.T) {
	store, ssh := testbed.MinIO(t), testbed.OpenSSH(t, testbed.SSHOptions{})
	params := scripts(t, "testdata/elsewhere", map[string]string{
		"TERM": "dumb", "XDG_CONFIG_HOME": "", "ENDPOINT": store.Endpoint, "ACCESS": store.AccessKey, "SECRET": store.SecretKey,
		"BUCKET": "setup-" + strings.ToLower(rand.Text()[:12]), "AWS_EC2_METADATA_DISABLED": "true",
		"MAILSTRATA_SSH_COMMAND": ssh.Command, "NAS": fmt.Sprintf("%s@127.0.0.1:%d", ssh.User, ssh.Port),
	})
	params.Cmds["dialog"] = dialog
	testscript.Run(t, params)
}

// dialog runs mailstrata on a terminal of 80 columns, and types the answers of a transcript when
// their questions are there. All that the terminal shows must be the transcript.
//
//	dialog TRANSCRIPT STATUS ARGUMENTS…
//
// In a transcript, <<text>> is an answer, <<*text>> one without echo, and <<^C>> an interrupt.
// "..." stands for any text in a line, or alone for any lines. An answer at the begin of a line is
// typed after the line before.
func dialog(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: dialog TRANSCRIPT STATUS ARGUMENTS…")
	}
	transcript := os.Expand(ts.ReadFile(args[0]), ts.Getenv)
	shown, status := converse(ts, args[2:], transcript)
	if strings.Contains(shown, "secret-of-") {
		ts.Fatalf("it shows a secret:\n%s", shown)
	}
	want := expectation(transcript)
	if !want.MatchString(shown) {
		ts.Fatalf("it shows\n%s\n\nand the transcript is\n%s", shown, transcript)
	}
	if strconv.Itoa(status) != args[1] {
		ts.Fatalf("exit status %d, want %s\n%s", status, args[1], shown)
	}
}

// interrupted runs mailstrata once for each answer of a transcript, and interrupts it at that
// question. Each run ends with the status of an interruption, and the file, which setup writes
// last, does not exist.
//
//	interrupted TRANSCRIPT FILE ARGUMENTS…
func interrupted(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: interrupted TRANSCRIPT FILE ARGUMENTS…")
	}
	transcript := os.Expand(ts.ReadFile(args[0]), ts.Getenv)
	for _, at := range answers.FindAllStringIndex(transcript, -1) {
		shown, status := converse(ts, args[2:], transcript[:at[0]]+"<<^C>>")
		if status != cli.StatusInterrupted || !strings.Contains(shown, "mailstrata: interrupted") {
			ts.Fatalf("status %d after\n%s", status, shown)
		}
		if _, err := os.Stat(ts.MkAbs(args[1])); err == nil {
			ts.Fatalf("%s exists after\n%s", args[1], shown)
		}
	}
}

// answers are the answers in a transcript.
var answers = regexp.MustCompile(`<<(\*?)(.*?)>>`)

// expectation returns what a terminal shows when the answers are typed.
func expectation(transcript string) *regexp.Regexp {
	transcript = answers.ReplaceAllStringFunc(transcript, func(answer string) string {
		if strings.HasPrefix(answer, "<<*") {
			return ""
		}
		return strings.Trim(answer, "<>")
	})
	pattern := regexp.QuoteMeta(transcript)
	pattern = strings.ReplaceAll(pattern, `\.\.\.`, `.*`)
	pattern = regexp.MustCompile(`(?m)^\.\*\n`).ReplaceAllString(pattern, `(?:.*\n)*?`)
	return regexp.MustCompile(`^` + strings.TrimRight(pattern, "\n") + `\s*$`)
}

// screen is what a terminal has shown.
type screen struct {
	mu   sync.Mutex
	text string
}

// erased is a progress line that was erased.
var erased = regexp.MustCompile(`[^\n]*\r\x1b\[K`)

func (s *screen) shown() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return erased.ReplaceAllString(strings.ReplaceAll(s.text, "\r\n", "\n"), "")
}

// converse runs mailstrata, and returns what it showed and its exit status.
func converse(ts *testscript.TestScript, args []string, transcript string) (shown string, status int) {
	t := ts.Value(worldKey{}).(*world).test
	master, slave := testbed.OpenPTY(t, 80)
	command := exec.Command("mailstrata", args...)
	command.Dir = ts.MkAbs(".")
	for _, name := range []string{
		"PATH", "HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "TZ", "TERM", "GORACE",
		"DBUS_SESSION_BUS_ADDRESS", "MAILSTRATA_SSH_COMMAND", "LOG",
	} {
		if value := ts.Getenv(name); value != "" {
			command.Env = append(command.Env, name+"="+value)
		}
	}
	command.Stdin, command.Stdout, command.Stderr = slave, slave, slave
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	ts.Check(command.Start())
	slave.Close()
	done := make(chan struct{})
	s := &screen{}
	go func() {
		defer close(done)
		buffer := make([]byte, 4096)
		for {
			n, err := master.Read(buffer) // it ends with an error when the program has ended
			s.mu.Lock()
			s.text += string(buffer[:n])
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	late := time.AfterFunc(5*time.Minute, func() { _ = command.Process.Kill() })
	defer late.Stop()
	answer(master, s, transcript, done)
	<-done
	err := command.Wait()
	if exit, ok := err.(*exec.ExitError); ok {
		return s.shown(), exit.ExitCode()
	}
	ts.Check(err)
	return s.shown(), 0
}

// answer types each answer when the screen ends with its question.
func answer(master *os.File, s *screen, transcript string, done <-chan struct{}) {
	begin, seen := 0, 0
	for _, at := range answers.FindAllStringSubmatchIndex(transcript, -1) {
		question := transcript[begin:at[0]]
		question = question[strings.LastIndexByte(strings.TrimSuffix(question, "\n"), '\n')+1:]
		hidden, text := at[2] < at[3], transcript[at[4]:at[5]]
		begin = at[1]
		for {
			shown := s.shown()
			if len(shown) >= seen && strings.HasSuffix(shown[seen:], question) && (!hidden || !echoes(master)) {
				seen = len(shown)
				break
			}
			select {
			case <-done:
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
		if text == "^C" {
			text = "\x03"
		} else {
			text += "\n"
		}
		_, _ = master.WriteString(text)
	}
}

// echoes reports whether the terminal shows what is typed.
func echoes(master *os.File) bool {
	state, err := unix.IoctlGetTermios(int(master.Fd()), unix.TCGETS)
	return err == nil && state.Lflag&unix.ECHO != 0
}
