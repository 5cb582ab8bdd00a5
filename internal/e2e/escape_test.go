package e2e_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/demo"
	"github.com/mailstrata/mailstrata/internal/testbed"
	"github.com/mailstrata/mailstrata/internal/testbed/need"
)

// A script that implements docs/format.md, with age and zstd, restores every message of an account,
// byte for byte, with its flags and date, from a sealed repository and from one that is not; with
// the index, and without.
func TestMailComesBackWithoutTheProgram(t *testing.T) {
	t.Parallel()
	needEscape(t)
	dovecot := startDovecot(t, testbed.DovecotOptions{Config: oddZone()})
	fill(t, dovecot, "anna", 40, 8, 3<<20)
	want := readAccount(t, dovecot.Addr, "anna", imapPassword)
	for name, seal := range map[string]bool{"sealed": true, "unsealed": false} {
		t.Run(name, func(t *testing.T) {
			h, flags := newHost(t), []string(nil)
			repository := filepath.Join(h.home, "repository")
			if h.set("MAILSTRATA_REPO", repository); seal {
				h.seal()
				flags = []string{"--key", filepath.Join(h.home, "key"), "--age", testbed.Age(t)}
			} else {
				h.onDirectory()
			}
			h.backUp(0, accountURL("anna", dovecot.Addr))
			if seal { // what was stored before stays sealed to older keys
				h.must(0, "key", "add", "--role", "writer", "--new-key-file", filepath.Join(h.home, "nightly"))
				h.must(0, "key", "rotate")
			}
			h.backUp(0, accountURL("anna", dovecot.Addr))
			escapesWhole(t, want, repository, flags...)
			if err := os.RemoveAll(filepath.Join(repository, "index")); err != nil {
				t.Fatal(err)
			}
			escapesWhole(t, want, repository, flags...)
		})
	}
}

// What cannot be read is named, and everything else is restored.
func TestADamagedArchiveComesBackAsFarAsItCan(t *testing.T) {
	t.Parallel()
	needEscape(t)
	server, err := demo.Start(demo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	a, err := server.AddAccount("anna", imapPassword)
	if err != nil {
		t.Fatal(err)
	}
	h := newHost(t)
	repository := h.onDirectory()
	var first []string
	for i := range 2 {
		body := fmt.Appendf(nil, "Subject: %d\r\n\r\n%d", i, i)
		if err := a.Append("INBOX", demo.Message{Body: body, Internal: time.Unix(1e9, 0)}); err != nil {
			t.Fatal(err)
		}
		h.backUp(0, server.URL("anna"))
		packs, err := filepath.Glob(filepath.Join(repository, "data", "*"))
		if err != nil || len(packs) != i+1 {
			t.Fatal(packs, err)
		}
		if i == 0 {
			first = packs
		}
	}
	if err := os.Remove(first[0]); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out")
	stderr, err := runEscape(repository, out)
	if err == nil || !strings.Contains(stderr, "'INBOX', UID 1: no pack has the chunk") || !strings.Contains(stderr, "1 messages restored, 1 not") {
		t.Errorf("%v: %s", err, stderr)
	}
	if b, err := os.ReadFile(filepath.Join(out, "INBOX", "2.eml")); err != nil || !bytes.HasSuffix(b, []byte("1")) {
		t.Errorf("%q, %v", b, err)
	}
}

func needEscape(t *testing.T) {
	t.Helper()
	for _, tool := range []string{"python3", "zstd"} {
		need.Program(t, tool, "apt-get install "+tool)
	}
}

// escape restores mail from a copy of a repository, and returns the directory.
func escape(t *testing.T, repository string, flags ...string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out")
	if stderr, err := runEscape(repository, out, flags...); err != nil {
		t.Fatalf("restore.py: %v\n%s", err, stderr)
	}
	return out
}

func runEscape(repository, out string, flags ...string) (stderr string, err error) {
	var reported bytes.Buffer
	script := exec.Command("python3", append(slices.Clone(flags), repository, out)...)
	script.Args = slices.Insert(script.Args, 1, filepath.Join("..", "..", "contrib", "restore.py"))
	script.Stderr = &reported
	err = script.Run()
	return reported.String(), err
}

// escapesWhole compares what the script restores with what the account has.
func escapesWhole(t *testing.T, want account, repository string, flags ...string) {
	t.Helper()
	out := escape(t, repository, flags...)
	table, err := os.ReadFile(filepath.Join(out, "messages.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for line := range strings.Lines(string(table)) {
		var m struct {
			File, Raw, Date string
			UID             uint32
			Flags           []string
		}
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(out, m.File))
		if err != nil {
			t.Fatal(err)
		}
		if when, err := time.Parse(time.RFC3339, m.Date); err == nil {
			m.Date = when.Format("_2-Jan-2006 15:04:05 -0700")
		}
		sum := sha256.Sum256(b)
		slices.Sort(m.Flags)
		found[fmt.Sprint(m.Raw, " ", m.UID)] = fmt.Sprint(len(b), hex.EncodeToString(sum[:]), strings.Join(m.Flags, " "), m.Date)
	}
	for name, b := range want {
		for _, l := range b.letters {
			key := fmt.Sprint(name, " ", l.uid)
			if have, want := found[key], fmt.Sprint(l.size, hex.EncodeToString(l.sum[:]), l.flags, l.date); have != want {
				t.Errorf("%s: it comes back as\n%s, want\n%s", key, have, want)
			}
			delete(found, key)
		}
	}
	if len(found) > 0 {
		t.Errorf("came back, and not in the account: %v", found)
	}
}
