package e2e_test

import (
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/generate"
	"github.com/mailstrata/mailstrata/internal/testbed"
)

// A repository on another host, behind OpenSSH, goes through its life. Backups are killed at random
// moments, the server is restarted, and nothing is damaged or missing. The same directory is then a
// repository of that host.
func TestRepositoryOnAnotherHost(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	server := testbed.OpenSSH(t, testbed.SSHOptions{})
	path := filepath.Join(h.home, "there", "mail")
	location := "sftp://" + server.User + "@127.0.0.1:" + strconv.Itoa(server.Port) + path
	h.set("MAILSTRATA_REPO", location)
	h.set("MAILSTRATA_SSH_COMMAND", server.Command)
	h.seal()

	dovecot := startDovecot(t, testbed.DovecotOptions{})
	const messages = 300
	mail := place(t, dovecot, "anna")
	mail.put("INBOX", generate.New(95).Messages(messages)...)
	mail.done()
	account := accountURL("anna", dovecot.Addr)
	random := rand.New(rand.NewPCG(3, 4))
	for range 3 {
		cmd := h.command("backup", "--imap", account)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(random.Int64N(int64(500 * time.Millisecond))))
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		h.must(0, "check", "--read-data")
	}
	first := h.backUp(0, account)
	if first.Messages != messages || !first.Consistent {
		t.Errorf("of %d messages the manifest reports %+v", messages, first)
	}
	server.Kill()
	if e := h.must(1, "list"); !strings.Contains(e.stderr, "Connection refused") {
		t.Errorf("a host that is off: %s", e.stderr)
	}
	server.Start()
	if again := h.backUp(0, account); again.NewMessages != 0 || again.Messages != messages {
		t.Errorf("an unchanged night has %+v", again)
	}
	target := "maildir:" + filepath.Join(h.home, "back")
	if r := h.restore(0, "latest", target); r.Added != messages {
		t.Errorf("restored: %+v", r)
	}
	h.must(0, "forget", "--yes", "--keep-last", "1")
	h.must(0, "prune")
	h.must(0, "check", "--read-data")

	here := *h
	here.set("MAILSTRATA_REPO", path)
	if r := here.restore(0, "latest", target); r.Added != 0 || r.Present != messages {
		t.Errorf("restored again, from the directory itself: %+v", r)
	}
}
