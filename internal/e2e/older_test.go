package e2e_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/demo"
)

// What an earlier program wrote is listed, checked, restored, continued and pruned. testdata has
// two repositories, each written on a day in 2025 by the program of commit 6d94d42, with two
// accounts: the first has two manifests, of four and of six messages; the second has empty
// mailboxes, inline in the sealed repository and in tables in the other.
func TestARepositoryOfAnOlderProgram(t *testing.T) {
	t.Parallel()
	for name, mailboxes := range map[string]int{"sealed": 321, "unsealed": 701} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			unpack(t, filepath.Join("testdata", name+"-6d94d42.tar.gz"), h.home)
			repository := filepath.Join(h.home, "repository")
			h.set("MAILSTRATA_REPO", repository)
			if name == "sealed" {
				h.set("MAILSTRATA_KEY_FILE", filepath.Join(h.home, "key"))
			}
			listed := h.listed()
			if n := len(listed); n != 3 {
				t.Fatalf("%d manifests are listed", n)
			}
			for _, m := range listed {
				if m.Account == "many" && m.Mailboxes != mailboxes {
					t.Errorf("the account of many mailboxes has %d, not %d", m.Mailboxes, mailboxes)
				}
			}
			h.must(0, "check", "--read-data")
			h.oldMail("anna@latest~1", 4)
			h.oldMail("anna@latest", 6)

			next := h.backUp(0, oldAccount(t), "--name", "anna")
			if next.Messages != 7 || next.NewMessages > 7 {
				t.Errorf("the next night has %+v", next)
			}
			h.oldMail("anna@latest", 7)
			h.must(0, "check", "--read-data")

			h.must(0, "forget", "--yes", "--keep-last", "1", "anna")
			backdate(t, filepath.Join(repository, "marks"))
			h.must(0, "prune")
			backdate(t, filepath.Join(repository, "condemned"))
			h.must(0, "prune")
			h.must(0, "check", "--read-data")
			if n := len(h.listed()); n != 2 {
				t.Errorf("%d manifests are left", n)
			}
			h.oldMail("anna@latest", 7)
		})
	}
}

// listed returns all manifests that list prints.
func (h *host) listed() (all []written) {
	h.t.Helper()
	for line := range strings.Lines(h.must(0, "list", "--json").stdout) {
		var m written
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			h.t.Fatalf("%v in %s", err, line)
		}
		all = append(all, m)
	}
	return all
}

// oldMessages returns the mail of the account, in the order in which it arrived. The last one
// arrived after the old manifests.
var oldMessages = []struct{ mailbox, body string }{
	{"INBOX", "Subject: one\r\n\r\nHello.\r\n"},
	{"INBOX", "Subject: two\r\nX: no CR\r\n\r\nBare \x00 and \xff, no end"},
	{"Work/Reports", oldAttachments()},
	{"Work/Reports", "Subject: four\r\n\r\n" + strings.Repeat("The same line, over and over.\r\n", 2000)},
	{"INBOX", "Subject: five\r\n\r\nThe second night.\r\n"},
	{"Projekte &AOQ- 2024", "Subject: six\r\n\r\nThe second night.\r\n"},
	{"INBOX", "Subject: seven\r\n\r\nThe third night.\r\n"},
}

// oldAttachments returns a message of eleven parts, whose list is a chunk.
func oldAttachments() string {
	var b strings.Builder
	b.WriteString("Subject: three\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n")
	for part := range 5 {
		b.WriteString("--b\r\nContent-Transfer-Encoding: base64\r\n\r\n")
		var raw strings.Builder
		for i := 0; raw.Len() < 3000+part; i++ {
			fmt.Fprintf(&raw, "part%d %d;", part, i)
		}
		text := base64.StdEncoding.EncodeToString([]byte(raw.String()[:3000+part]))
		for len(text) > 76 {
			b.WriteString(text[:76] + "\r\n")
			text = text[76:]
		}
		b.WriteString(text + "\r\n")
	}
	b.WriteString("--b--\r\n")
	return b.String()
}

// oldAccount starts a server that has all of oldMessages, and returns the URL of the account.
func oldAccount(t *testing.T) string {
	t.Helper()
	server, err := demo.Start(demo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	anna, err := server.AddAccount("anna", imapPassword)
	if err == nil {
		err = errors.Join(anna.Create("Projekte &AOQ- 2024"), anna.Create("Work/Reports"))
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range oldMessages {
		day := time.Date(2024, 2, 29, 23, 59, 0, 0, time.FixedZone("", -5*3600-1800))
		if err := anna.Append(m.mailbox, demo.Message{Body: []byte(m.body), Internal: day}); err != nil {
			t.Fatal(err)
		}
	}
	return server.URL("anna")
}

// oldMail restores a manifest, which must have the first n of oldMessages.
func (h *host) oldMail(manifest string, n int) {
	h.t.Helper()
	out := filepath.Join(h.t.TempDir(), "out")
	h.must(0, "restore", manifest, "--to", "eml:"+out)
	left := map[string]int{}
	for _, m := range oldMessages[:n] {
		left[m.body]++
	}
	err := filepath.WalkDir(out, func(path string, d os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".eml") {
			return err
		}
		b, err := os.ReadFile(path)
		if left[string(b)]--; left[string(b)] < 0 {
			h.t.Errorf("%s: %s is not one of the messages", manifest, path)
		}
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	for body, n := range left {
		if n > 0 {
			h.t.Errorf("%s: %.20q does not come back", manifest, body)
		}
	}
}

// unpack unpacks an archive of files, with their times.
func unpack(t *testing.T, archive, into string) {
	t.Helper()
	b, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(plain); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		path := filepath.Join(into, filepath.FromSlash(header.Name))
		err = errors.Join(err, os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, content, 0o600),
			os.Chtimes(path, header.ModTime, header.ModTime))
		if err != nil {
			t.Fatal(err)
		}
	}
}

// backdate makes the objects of a directory a day older.
func backdate(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	yesterday := time.Now().Add(-25 * time.Hour)
	for _, e := range entries {
		if err := os.Chtimes(filepath.Join(dir, e.Name()), yesterday, yesterday); err != nil {
			t.Fatal(err)
		}
	}
}
