package e2e_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/demo"
	"github.com/mailstrata/mailstrata/internal/testbed"
)

// A changed bit anywhere in a repository never produces wrong mail, and what is not restored is
// named: in sealed repositories and in those that are not.
func TestAFlippedBitNeverGivesWrongMail(t *testing.T) {
	t.Parallel()
	needEscape(t)
	for _, seal := range []bool{true, false} {
		repository, flags := escapeFrom(t, seal)
		right := messagesIn(t, escape(t, repository, flags...))
		if len(right) != 12 {
			t.Fatalf("%d messages come back", len(right))
		}
		for i, object := range objectsIn(t, repository) {
			whole, err := os.ReadFile(object)
			if err != nil {
				t.Fatal(err)
			}
			at := len(whole) * (1 + i*7%9) / 10
			harmed := append([]byte(nil), whole...)
			harmed[at] ^= 1 << (i % 8)
			writeFile(t, object, harmed)
			out := filepath.Join(t.TempDir(), "out")
			stderr, err := runEscape(repository, out, flags...)
			writeFile(t, object, whole)
			name := fmt.Sprintf("%s, byte %d of %d", strings.TrimPrefix(object, repository), at, len(whole))
			if strings.Contains(stderr, "Traceback") {
				t.Errorf("%s: %s", name, stderr)
			}
			back := messagesIn(t, out)
			for path, content := range back {
				if right[path] != content {
					t.Errorf("%s: %s is another message", name, path)
				}
			}
			if lost := len(right) - len(back); lost > 0 && err == nil {
				t.Errorf("%s: %d messages do not come back, and it says\n%s", name, lost, stderr)
			}
		}
	}
}

// A damaged pack yields what can be proved of it, and a missing catalog pack costs no more than its
// content.
func TestWhatIsLeftOfADamagedPackComesBack(t *testing.T) {
	t.Parallel()
	needEscape(t)
	repository, flags := escapeFrom(t, true)
	catalogs, err := filepath.Glob(filepath.Join(repository, "catalog", "*"))
	if err != nil || len(catalogs) != 2 {
		t.Fatal(catalogs, err)
	}
	some := 0
	for _, pack := range catalogs {
		if err := os.Rename(pack, pack+".away"); err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(t.TempDir(), "out")
		stderr, err := runEscape(repository, out, flags...)
		if back := len(messagesIn(t, out)); err == nil || strings.Contains(stderr, "Traceback") || !strings.Contains(stderr, "no pack has the chunk") {
			t.Errorf("%v: %s", err, stderr)
		} else if back > 0 && back < 12 {
			some++
		}
		if b, err := os.ReadFile(filepath.Join(out, "problems.txt")); err != nil || len(b) == 0 {
			t.Errorf("the report is %q, %v", b, err)
		}
		if err := os.Rename(pack+".away", pack); err != nil {
			t.Fatal(err)
		}
	}
	if some == 0 {
		t.Error("without a catalog pack it is all or nothing")
	}
}

// A forgotten manifest is restored only on request, and the script says that it was forgotten.
func TestForgottenManifestsDoNotComeBackUnasked(t *testing.T) {
	t.Parallel()
	needEscape(t)
	repository, h := filepath.Join(t.TempDir(), "repository"), newHost(t)
	h.set("MAILSTRATA_REPO", repository)
	h.must(0, "init", "--no-seal")
	server, anna := demoAccount(t)
	appendTo(t, anna, "INBOX", 1)
	kept := h.backUp(0, server.URL("anna")).ID
	appendTo(t, anna, "INBOX", 1)
	gone := h.backUp(0, server.URL("anna")).ID
	h.must(0, "forget", "--yes", gone)
	out := filepath.Join(t.TempDir(), "out")
	stderr, err := runEscape(repository, out)
	if err != nil || !strings.Contains(stderr, "manifest "+kept[:8]) || !strings.Contains(stderr, "1 messages restored") {
		t.Errorf("%v: %s", err, stderr)
	}
	stderr, err = runEscape(repository, filepath.Join(t.TempDir(), "out"), "--manifest", gone[:8])
	if err != nil || !strings.Contains(stderr, "was forgotten") || !strings.Contains(stderr, "2 messages restored") {
		t.Errorf("%v: %s", err, stderr)
	}
}

// Anyone who knows a public key can make a repository that its owner's key opens. The script
// restores nothing before the owner chooses one of the two fingerprints.
func TestAForgedSlotIsNoticed(t *testing.T) {
	t.Parallel()
	needEscape(t)
	repository, flags := escapeFrom(t, false)
	other, _ := escapeFrom(t, false)
	slots, err := filepath.Glob(filepath.Join(other, "keys", "*"))
	if err != nil || len(slots) != 1 {
		t.Fatal(slots, err)
	}
	own, err := runEscape(repository, filepath.Join(t.TempDir(), "out"), flags...)
	if err != nil {
		t.Fatal(own)
	}
	_, own, _ = strings.Cut(own, "fingerprint ")
	own, _, _ = strings.Cut(own, "\n")
	if len(own) != 32 {
		t.Fatalf("the fingerprint is %q", own)
	}
	forged, err := os.ReadFile(slots[0])
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(repository, "keys", filepath.Base(slots[0])), forged)
	if stderr, err := runEscape(repository, filepath.Join(t.TempDir(), "out"), flags...); err == nil || !strings.Contains(stderr, "--fingerprint") {
		t.Errorf("%v: %s", err, stderr)
	}
	out := filepath.Join(t.TempDir(), "out")
	if stderr, err := runEscape(repository, out, append(flags, "--fingerprint", own)...); err != nil || len(messagesIn(t, out)) != 12 {
		t.Errorf("%v: %s", err, stderr)
	}
}

// escapeFrom is a repository of two nights and twelve messages in two mailboxes, and the flags that
// open it.
func escapeFrom(t *testing.T, seal bool) (repository string, flags []string) {
	t.Helper()
	h := newHost(t)
	repository = filepath.Join(h.home, "repository")
	h.set("MAILSTRATA_REPO", repository)
	if seal {
		h.seal()
		flags = []string{"--key", filepath.Join(h.home, "key"), "--age", testbed.Age(t)}
	} else {
		h.must(0, "init", "--no-seal")
	}
	server, anna := demoAccount(t)
	if err := anna.Create("Work"); err != nil {
		t.Fatal(err)
	}
	appendTo(t, anna, "INBOX", 8)
	h.backUp(0, server.URL("anna"))
	appendTo(t, anna, "Work", 4)
	h.backUp(0, server.URL("anna"))
	return repository, flags
}

func demoAccount(t *testing.T) (*demo.Server, *demo.Account) {
	t.Helper()
	server, err := demo.Start(demo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	anna, err := server.AddAccount("anna", imapPassword)
	if err != nil {
		t.Fatal(err)
	}
	return server, anna
}

func appendTo(t *testing.T, a *demo.Account, mailbox string, n int) {
	t.Helper()
	for i := range n {
		body := fmt.Appendf(nil, "Subject: %s %d\r\n\r\n%s", mailbox, i, strings.Repeat(fmt.Sprintf("line %d\r\n", i), 500*i))
		if err := a.Append(mailbox, demo.Message{Body: body, Internal: time.Unix(1e9, 0)}); err != nil {
			t.Fatal(err)
		}
	}
}

func writeFile(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// messagesIn returns the messages that the script restored, by path.
func messagesIn(t *testing.T, out string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(out, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".eml") {
			return nil // nothing may be there
		}
		b, err := os.ReadFile(path)
		found[strings.TrimPrefix(path, out)] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func objectsIn(t testing.TB, repository string) (objects []string) {
	t.Helper()
	err := filepath.WalkDir(repository, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			objects = append(objects, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return objects
}
