package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/mailstrata/mailstrata/internal/generate"
	"github.com/mailstrata/mailstrata/internal/testbed"
)

// masterPassword is that of Dovecot's master users.
const masterPassword = "master-secret-77aa"

// TestManyAccountsByAMasterUser archives a server's accounts by a file of users and a master user,
// on two hosts that share them. One that cannot log in does not stop the others. Halves of 200
// accounts took as much memory as halves of 64.
func TestManyAccountsByAMasterUser(t *testing.T) {
	const accounts = 64
	dovecot := startDovecot(t, testbed.DovecotOptions{Master: masterPassword})
	g := generate.New(7)
	var users []string
	for i := range accounts {
		user := fmt.Sprintf("user%03d", i)
		users = append(users, user)
		f := place(t, dovecot, user)
		f.put("INBOX", g.Note(), g.Note())
		f.put("Sent", g.Note())
	}
	giveToNobody(t, filepath.Dir(dovecot.Home(users[0])))

	first := newHost(t)
	repository := first.onDirectory()
	second := newHost(t)
	second.set("MAILSTRATA_REPO", repository)
	configure(t, first, dovecot, repository, users)
	configure(t, second, dovecot, repository, users)
	var many [2]int64
	var work sync.WaitGroup
	for i, h := range []*host{first, second} {
		status := 0
		var mine struct{ Name string }
		for line := range strings.Lines(h.must(0, "config", "show", "--json", "--shard", fmt.Sprintf("%d/2", i+1)).stdout) {
			ended{t: t, stdout: line}.json(&mine)
			if mine.Name == "broken" {
				status = 1
			}
		}
		work.Go(func() {
			many[i] = memory(h, status, "backup", "--shard", fmt.Sprintf("%d/2", i+1), "--parallel-accounts", "4")
		})
	}
	work.Wait()
	messages := make(map[string]int64)
	for line := range strings.Lines(first.must(0, "list", "--json").stdout) {
		var m struct {
			Account, State string
			Messages       int64
		}
		ended{t: t, stdout: line}.json(&m)
		messages[m.Account] = m.Messages
	}
	for _, user := range users {
		if messages[user] != 3 {
			t.Errorf("of %s %d messages are archived", user, messages[user])
		}
	}
	if len(messages) != accounts {
		t.Errorf("%d accounts are archived, want %d", len(messages), accounts)
	}
	t.Logf("halves of %d accounts took %d and %d MiB", accounts, many[0]>>10, many[1]>>10)
	if max(many[0], many[1]) > 132<<10 {
		t.Errorf("halves of %d accounts took %d and %d MiB", accounts, many[0]>>10, many[1]>>10)
	}
}

// configure writes a host's configuration: a template with a file of users.
func configure(t *testing.T, h *host, d *testbed.DovecotServer, repository string, users []string) {
	t.Helper()
	dir := filepath.Join(h.home, ".config", "mailstrata")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	h.secrets = append(h.secrets, masterPassword)
	write(t, filepath.Join(dir, "master"), masterPassword)
	write(t, filepath.Join(dir, "users"), "# all\n"+strings.Join(users, "\n"))
	write(t, filepath.Join(dir, "config.toml"), fmt.Sprintf(`
[[repositories]]
place = %q
[[accounts]]
users_file = "users"
url = "imap://{user}*master@%s"
secret_file = "master"
[[accounts]]
name = "broken"
url = "imap://broken@%[2]s"
secret_file = "users"
`, repository, d.Addr))
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// memory calls the program, and returns its peak memory, in KiB.
func memory(h *host, status int, args ...string) int64 {
	h.t.Helper()
	cmd := h.command(args...)
	out, kib := measure(h.t, cmd)
	if cmd.ProcessState.ExitCode() != status || strings.Contains(out, masterPassword) {
		h.t.Errorf("mailstrata %v ends with %d, not %d:\n%s", args, cmd.ProcessState.ExitCode(), status, out)
	}
	return kib
}
