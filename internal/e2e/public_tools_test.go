package e2e_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/testbed"
)

// Every object opens with public tools: a script that knows docs/format.md, and has age, zstd and a CBOR reader, finds
// every message of an account in a sealed repository, byte for byte.
func TestPublicTools(t *testing.T) {
	t.Parallel()
	python, age := pythonWithCBOR(t), buildAge(t)
	if _, err := exec.LookPath("zstd"); err != nil {
		required(t, "zstd is not installed: apt-get install zstd")
	}
	dovecot := startDovecot(t, testbed.DovecotOptions{Config: oddZone()})
	fill(t, dovecot, "anna", 40, 8, 3<<20)
	h := newHost(t)
	repository := filepath.Join(h.home, "repository")
	h.set("MAILSTRATA_REPO", repository)
	h.seal()
	h.backUp(0, accountURL("anna", dovecot.Addr))

	var stderr bytes.Buffer
	script := exec.Command(python, filepath.Join("testdata", "open.py"), repository, filepath.Join(h.home, "key"), age)
	script.Stderr = &stderr
	out, err := script.Output()
	if err != nil {
		t.Fatalf("open.py: %v\n%s", err, stderr.String())
	}
	found := map[string]string{}
	for line := range strings.Lines(string(out)) {
		var m struct {
			Mailbox, SHA256, Flags, Date string
			UID                          uint32
			Size                         int64
		}
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(err)
		}
		found[fmt.Sprint(m.Mailbox, " ", m.UID)] = fmt.Sprint(m.Size, m.SHA256, m.Flags, m.Date)
	}
	want := readAccount(t, dovecot.Addr, "anna", imapPassword)
	for name, b := range want {
		for _, l := range b.letters {
			key := fmt.Sprint(name, " ", l.uid)
			if have, want := found[key], fmt.Sprint(l.size, hex.EncodeToString(l.sum[:]), l.flags, l.date); have != want {
				t.Errorf("%s: by public tools it is\n%s, want\n%s", key, have, want)
			}
			delete(found, key)
		}
	}
	if len(found) > 0 {
		t.Errorf("in the archive, and not in the account: %v", found)
	}
}

// pythonWithCBOR finds a Python that has the module cbor2: Debian's python3-cbor2 is for Debian's Python.
func pythonWithCBOR(t *testing.T) string {
	t.Helper()
	for _, python := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(python, "-c", "import cbor2").Run() == nil {
			return python
		}
	}
	required(t, "no python3 has the module cbor2: apt-get install python3-cbor2")
	return ""
}

// buildAge builds age of the version that go.mod names: Debian's is too old for hybrid keys. It is built within its own
// module, whose go.sum knows all that it needs.
func buildAge(t *testing.T) string {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "filippo.io/age").Output()
	if err != nil {
		t.Fatal(err)
	}
	at := filepath.Join(filepath.Dir(program), "age")
	build := exec.Command("go", "build", "-o", at, "./cmd/age")
	build.Dir = strings.TrimSpace(string(dir))
	build.Env = append(os.Environ(), "GOFLAGS=-mod=mod -buildvcs=false", "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		required(t, fmt.Sprintf("age cannot be built: %v\n%s", err, out))
	}
	return at
}
