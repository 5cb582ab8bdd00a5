package e2e_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/mailstrata/mailstrata/internal/generate"
	"github.com/mailstrata/mailstrata/internal/testbed"
)

// Restores into one target at the same time all succeed, and add every message once.
func TestRestoresAtOnce(t *testing.T) {
	t.Parallel()
	dovecot := startDovecot(t, testbed.DovecotOptions{})
	anna := place(t, dovecot, "anna")
	for i := range 400 {
		anna.put([]string{"INBOX", "Work", "Work/2026"}[i%3], generate.Message{Body: fmt.Appendf(nil, "Subject: %d\r\n\r\n%d\r\n", i, i)})
	}
	anna.done()
	h := newHost(t)
	h.onDirectory()
	h.backUp(0, accountURL("anna", dovecot.Addr))

	atOnce(t, h, accountURL("bert", dovecot.Addr))
	if n := readAccount(t, dovecot.Addr, "bert", imapPassword).count(); n != 400 {
		t.Errorf("the account has %d messages", n)
	}
	maildir := filepath.Join(h.home, "new", "Mail")
	atOnce(t, h, "maildir:"+maildir)
	files := 0
	for _, pattern := range []string{"cur/*", ".*/cur/*"} {
		found, _ := filepath.Glob(filepath.Join(maildir, pattern))
		files += len(found)
	}
	if files != 400 {
		t.Errorf("the Maildir has %d messages", files)
	}
}

// atOnce runs a few restores. Each succeeds, whether it had to wait or not.
func atOnce(t *testing.T, h *host, target string) {
	t.Helper()
	var running sync.WaitGroup
	for range 3 {
		var stderr bytes.Buffer
		cmd := h.command("restore", "latest", "--to", target)
		cmd.Stderr = &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		running.Go(func() {
			if err := cmd.Wait(); err != nil {
				t.Errorf("%v\n%s", err, stderr.String())
			}
		})
	}
	running.Wait()
}

// A path that begins with "~" is in the home directory, in flags and in URLs, and no directory is
// called "~".
func TestTilde(t *testing.T) {
	t.Parallel()
	dovecot := startDovecot(t, testbed.DovecotOptions{})
	anna := place(t, dovecot, "anna")
	anna.put("INBOX", generate.Message{Body: []byte("Subject: x\r\n\r\nx\r\n")})
	anna.done()
	h := newHost(t)
	h.must(0, "init", "--repo=~/repository", "--new-key-file=~/key")
	h.set("MAILSTRATA_KEY_FILE", "~/key")
	h.must(0, "backup", "--repo=~/repository", "--imap", accountURL("anna", dovecot.Addr))
	for kind, file := range map[string]string{"maildir": "cur", "eml": "INBOX"} {
		h.must(0, "restore", "--repo=~/repository", "latest", "--to", kind+":~/to "+kind)
		if _, err := os.Stat(filepath.Join(h.home, "to "+kind, file)); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(h.home, "key")); err != nil {
		t.Error(err)
	}
	e := h.must(2, "restore", "--repo=~/repository", "latest", "--to", "maildir:~bert/Mail")
	if !strings.Contains(e.stderr, "~bert") {
		t.Error(e.stderr)
	}
	if found, _ := filepath.Glob(filepath.Join(h.home, "~*")); len(found) > 0 {
		t.Errorf("there is %q", found)
	}
}
