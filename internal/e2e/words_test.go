package e2e_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/testbed"
)

const lostLetter = "From: Joao <joao@example.org>\r\nSubject: plans\r\nContent-Type: text/html; charset=utf-8\r\n" +
	"Content-Transfer-Encoding: quoted-printable\r\n\r\n<p>We meet at the <b>zebra</b>=\r\ncrossing near the caf=C3=A9.</p>\r\n"

// What was deleted long ago is found by words that its reader half remembers, in the nights that
// have it, with an index and without. The line that find prints restores it. Nothing of the words
// is on disk in plain text.
func TestHalfRemembered(t *testing.T) {
	t.Parallel()
	dovecot := startDovecot(t, testbed.DovecotOptions{})
	deliver := func(seed uint64) {
		for i := range 60 {
			dovecot.Deliver("anna", "INBOX", testbed.Message{Body: fmt.Sprintf("Subject: %d\r\n\r\nother plans %d\r\n", seed, i)})
		}
	}
	deliver(1)
	dovecot.Deliver("anna", "Projects", testbed.Message{Body: lostLetter})
	h := newHost(t)
	h.use(testbed.MinIO(t), "words")
	h.seal()
	account := accountURL("anna", dovecot.Addr)
	first := h.backUp(0, account)
	deliver(2)
	second := h.backUp(0, account, "--index")
	dovecot.Doveadm("mailbox", "delete", "-u", "anna", "Projects")
	if e := h.run("backup", "--imap", account, "--index"); e.status != 4 && e.status != 0 {
		t.Fatalf("%s%s", e.stdout, e.stderr)
	}

	for _, how := range []string{"--index", "--no-index"} {
		query := []string{"find", "--all", "--text", `zebracross* "near the cafe"`}
		if how == "--no-index" {
			query = append(query, how)
		}
		if e := h.must(0, append([]string{"find"}, query[2:]...)...); strings.Contains(e.stdout, "plans") {
			t.Errorf("%s: the latest night has it:\n%s", how, e.stdout)
		}
		e := h.must(0, query...)
		if !strings.Contains(e.stdout, first.ID[:8]+" ") || !strings.Contains(e.stdout, second.ID[:8]+" ") ||
			!strings.Contains(e.stdout, "at the zebracrossing near the café.") {
			t.Fatalf("%s finds\n%s%s", e.call, e.stdout, e.stderr)
		}
		line := regexp.MustCompile(`to restore it: mailstrata (restore .*)maildir:DIRECTORY`).FindStringSubmatch(e.stderr)
		if line == nil {
			t.Fatalf("%s shows no way back:\n%s", e.call, e.stderr)
		}
		to := filepath.Join(h.home, "back"+how)
		h.must(0, append(strings.Fields(line[1]), "maildir:"+to)...)
		files, err := filepath.Glob(filepath.Join(to, ".Projects", "cur", "*"))
		if err != nil || len(files) != 1 {
			t.Fatalf("%s brings back %v, %v", line[1], files, err)
		}
		if body, err := os.ReadFile(files[0]); err != nil || string(body) != strings.ReplaceAll(lostLetter, "\r\n", "\n") { // as Maildirs have it
			t.Errorf("%s brings back %q, %v", line[1], body, err)
		}
		if err := os.RemoveAll(to); err != nil {
			t.Fatal(err)
		}
	}
	noPlainText(t, h.home, "zebra")

	// A damaged index is never believed.
	pages, err := filepath.Glob(filepath.Join(h.home, ".cache", "mailstrata", "*", "words", "pages"))
	if err != nil || len(pages) != 1 {
		t.Fatal(pages, err)
	}
	content, err := os.ReadFile(pages[0])
	if err != nil {
		t.Fatal(err)
	}
	for i := range content {
		content[i] ^= byte(i % 97)
	}
	if err := os.WriteFile(pages[0], content, 0o600); err != nil {
		t.Fatal(err)
	}
	if e := h.must(0, "find", "--all", "zebracrossing"); !strings.Contains(e.stderr, "was damaged") || !strings.Contains(e.stdout, "plans") {
		t.Errorf("after damage:\n%s%s", e.stdout, e.stderr)
	}

	// The index is useless after the keys are rotated, and with a writer's key.
	h.must(0, "key", "rotate")
	if e := h.must(0, "find", "--all", "zebracrossing"); !strings.Contains(e.stderr, "made with other keys") || !strings.Contains(e.stdout, "plans") {
		t.Errorf("after the rotation:\n%s%s", e.stdout, e.stderr)
	}
	writer := filepath.Join(h.home, "writer")
	h.must(0, "key", "add", "--role", "writer", "--new-key-file", writer)
	h.set("MAILSTRATA_KEY_FILE", writer)
	for _, args := range [][]string{{"find", "zebracrossing"}, {"index", "build"}, {"index", "status"}, {"attachments"}, {"backup", "--imap", account, "--index"}} {
		if e := h.must(1, args...); strings.Contains(e.stdout, "plans") || !strings.Contains(e.stderr, "owner's key") && !strings.Contains(e.stderr, "writer") {
			t.Errorf("%s:\n%s%s", e.call, e.stdout, e.stderr)
		}
	}
}

// noPlainText requires that no file below a directory has a text.
func noPlainText(t *testing.T, dir, text string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if bytes.Contains(bytes.ToLower(content), []byte(text)) {
			t.Errorf("%s has %q in plain text", path, text)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
