package e2e_test

import (
	"encoding/hex"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/zeebo/blake3"

	"github.com/mailstrata/mailstrata/internal/generate"
	"github.com/mailstrata/mailstrata/internal/testbed"
)

// fails calls the program, which must fail, and say what is wrong and what to do, in the message or
// as a hint.
func (h *host) fails(status int, what, todo string, args ...string) {
	h.t.Helper()
	e := h.must(status, args...)
	for _, pattern := range []string{"mailstrata: .*(" + what + ")", todo} {
		if !regexp.MustCompile("(?i)" + pattern).MatchString(e.stderr) {
			h.t.Errorf("%s says\n%s, and not %q", e.call, e.stderr, pattern)
		}
	}
}

func TestBadAccount(t *testing.T) {
	t.Parallel()
	dovecot := startDovecot(t, testbed.DovecotOptions{})
	expired := startDovecot(t, testbed.DovecotOptions{Expired: true})
	dovecot.Deliver("anna", "INBOX", appended(generate.New(10).Messages(3))...)
	h := newHost(t)
	repository := h.onDirectory()
	good := accountURL("anna", dovecot.Addr)
	backup := func(account string, more ...string) []string {
		return append([]string{"backup", "--imap", account}, more...)
	}

	t.Run("wrong password", func(t *testing.T) {
		h := another(t, h)
		h.secrets = append(h.secrets, "wrong-secret-41")
		h.set("MAILSTRATA_IMAP_PASSWORD", "wrong-secret-41")
		h.fails(1, "127.0.0.1.*(password|login|user)", "check user name and password", backup(good)...)
	})
	t.Run("unreachable server", func(t *testing.T) {
		h := another(t, h)
		h.fails(1, "127.0.0.1:1.*refused", "check the host name, the port", backup(accountURL("anna", "127.0.0.1:1"))...)
		h.fails(1, "nowhere.invalid", "check the host name", backup("imaps://anna@nowhere.invalid")...)
	})
	t.Run("certificates", func(t *testing.T) {
		secure := func(d *testbed.DovecotServer) string {
			return strings.Replace(accountURL("anna", d.TLSAddr), "imap:", "imaps:", 1)
		}
		h := another(t, h)
		h.fails(1, "expired", "renew", backup(secure(expired), "--ca-file", expired.CAFile)...)
		h.fails(1, "trusted", "--ca-file", backup(secure(dovecot))...)
		h.fails(1, "TLS", "", backup(strings.Replace(good, "imap:", "imaps:", 1))...)
	})
	t.Run("unknown mailbox", func(t *testing.T) {
		h := another(t, h)
		h.backUp(0, good)
		h.fails(1, `no mailbox "Imbox"`, "did you mean.*INBOX", "ls", "latest", "Imbox")
		h.fails(1, `no mailbox "Imbox"`, "did you mean.*INBOX", "restore", "latest", "--mailbox", "Imbox", "--to", "maildir:back")
		h.fails(1, `UID 99`, "lists the messages", "cat", "latest", "INBOX", "99")
		missing(t, filepath.Join(h.home, "back"))
	})
	t.Run("unknown manifest", func(t *testing.T) {
		h := another(t, h)
		for _, name := range []string{"0123abcd", "latest~99", "nobody@latest", "1999-01-01"} {
			h.fails(1, "manifest", "", "restore", name, "--to", "maildir:back")
		}
		missing(t, filepath.Join(h.home, "back"))
	})
	for _, d := range dirEntries(t, filepath.Join(repository, "manifests")) {
		if n := len(dirEntries(t, filepath.Join(repository, "manifests", d))); n != 1 {
			t.Errorf("account %s has %d manifests, not 1", d, n)
		}
	}
}

// Neither mail nor password leaves this host unencrypted. If an attacker in between, or the server,
// removes STARTTLS from what is offered, the client sends nothing but LOGOUT.
func TestPlaintextOffLoopback(t *testing.T) {
	t.Parallel()
	elsewhere := addressOfThisHost()
	if elsewhere == "" {
		t.Skip("this host has no address but the loopback's")
	}
	minio := testbed.MinIO(t)
	dovecot := startDovecot(t, testbed.DovecotOptions{Config: "ssl = no"})
	imap := startProxyAt(t, elsewhere, dovecot.Addr)
	h := newHost(t)
	h.onDirectory()
	account := accountURL("anna", imap.addr)
	h.fails(1, "STARTTLS|TLS|encrypt", "imaps://|--insecure-plaintext", "backup", "--imap", account)
	if _, _, logins := imap.traffic("LOGIN"); logins > 0 {
		t.Error("the password was sent in the clear")
	}
	if _, _, logins := imap.traffic("AUTHENTICATE"); logins > 0 {
		t.Error("the password was sent in the clear")
	}
	h.backUp(0, account, "--insecure-plaintext")

	s3 := startProxyAt(t, elsewhere, strings.TrimPrefix(minio.Endpoint, "http://"))
	h.use(testbed.S3{Endpoint: "http://" + s3.addr, AccessKey: minio.AccessKey, SecretKey: minio.SecretKey}, minio.NewBucket())
	h.fails(1, "plain|encrypt|https", "", "init", "--no-seal")
	if sent, _, _ := s3.traffic(""); sent > 0 {
		t.Errorf("%d bytes were sent in the clear", sent)
	}
}

// addressOfThisHost is one that is not the loopback's, or "".
func addressOfThisHost() string {
	addresses, _ := net.InterfaceAddrs()
	for _, address := range addresses {
		if network, ok := address.(*net.IPNet); ok && network.IP.To4() != nil && !network.IP.IsLoopback() {
			return network.IP.String()
		}
	}
	return ""
}

func TestBadRepository(t *testing.T) {
	t.Parallel()
	minio := testbed.MinIO(t)
	dovecot := startDovecot(t, testbed.DovecotOptions{})
	dovecot.Deliver("anna", "INBOX", appended(generate.New(11).Messages(3))...)
	good := accountURL("anna", dovecot.Addr)
	h := newHost(t)
	name := minio.NewBucket()
	h.use(minio, name)
	h.set("MAILSTRATA_PASSWORD", passphrase)
	h.must(0, "init")
	h.backUp(0, good)
	objects := openBucket(t, minio, name)
	before := objects.objects("")

	t.Run("wrong passphrase", func(t *testing.T) {
		h := another(t, h)
		h.secrets = append(h.secrets, "wrong-secret-42")
		h.set("MAILSTRATA_PASSWORD", "wrong-secret-42")
		h.fails(1, "passphrase|key", "MAILSTRATA_PASSWORD", "list")
		h.fails(1, "passphrase|key", "MAILSTRATA_PASSWORD", "backup", "--imap", good)
	})
	t.Run("no passphrase", func(t *testing.T) {
		h := another(t, h)
		h.set("MAILSTRATA_PASSWORD", "")
		h.fails(1, "passphrase.*missing", "--password-file", "list")
	})
	t.Run("wrong key file", func(t *testing.T) {
		stranger, h := newHost(t), another(t, h)
		stranger.set("MAILSTRATA_REPO", filepath.Join(stranger.home, "repository"))
		stranger.seal()
		h.set("MAILSTRATA_PASSWORD", "")
		h.set("MAILSTRATA_KEY_FILE", filepath.Join(stranger.home, "key"))
		h.fails(1, "key", "--key-file|trust", "list")
	})
	t.Run("no such bucket", func(t *testing.T) {
		h := another(t, h)
		h.use(minio, minio.NewBucket())
		h.fails(1, "bucket", "", "list")
		h.fails(1, "bucket", "", "backup", "--imap", good)
	})
	t.Run("wrong credentials", func(t *testing.T) {
		h := another(t, h)
		h.set("AWS_SECRET_ACCESS_KEY", "wrong-secret-43")
		h.secrets = append(h.secrets, "wrong-secret-43")
		h.fails(1, "secret|credentials|access|signature", "", "backup", "--imap", good)
		h.fails(1, "secret|credentials|access|signature", "", "init")
	})
	t.Run("a bucket that may only be read", func(t *testing.T) {
		h := another(t, h)
		reader := objects.reader()
		h.set("AWS_ACCESS_KEY_ID", reader.AccessKeyID)
		h.set("AWS_SECRET_ACCESS_KEY", reader.SecretAccessKey)
		h.set("AWS_SESSION_TOKEN", reader.SessionToken)
		h.secrets = append(h.secrets, reader.SecretAccessKey, reader.SessionToken)
		h.must(0, "list")
		dovecot.Deliver("anna", "INBOX", appended(generate.New(12).Messages(1))...)
		h.fails(1, "refuses.*s3:PutObject", "", "backup", "--imap", good)
	})
	if names := added(before, objects.objects("")); len(names) > 0 {
		t.Errorf("there are new objects: %q", names)
	}
}

// A repository of a newer format is refused, by a message that says so. Readers only warn: anybody
// may have made the config, and mail must still be found.
func TestNewerFormat(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	repository := h.onDirectory()
	config := filepath.Join(repository, "config")
	name := dirEntries(t, config)[0]
	data, err := os.ReadFile(filepath.Join(config, name))
	if err != nil {
		t.Fatal(err)
	}
	// In the head, key 2 is the version: 1.
	head := []byte("\x01\x66config\x02\x01\x03\x50")
	at := strings.Index(string(data), string(head))
	if at < 0 {
		t.Fatalf("no head as in docs/format.md: %x", data[:min(100, len(data))])
	}
	data[at+9] = 2
	sum := blake3.Sum256(data)
	newer := filepath.Join(config, "00000002-"+hex.EncodeToString(sum[:]))
	if err := os.WriteFile(newer, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if reported := h.must(0, "list").stderr; !strings.Contains(reported, "newer") {
		t.Errorf("no warning about a newer config: %s", reported)
	}
	h.fails(1, "newer|version 2", "delete|--trust", "backup", "--imap", "imap://anna@127.0.0.1:1")
	h.fails(3, "newer|version 2", "damaged", "check")
}

// another is the same host with other variables.
func another(t *testing.T, h *host) *host {
	return &host{t: t, home: h.home, env: slices.Clone(h.env), secrets: slices.Clone(h.secrets)}
}

func missing(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Lstat(path); err == nil {
		t.Errorf("%s was made", path)
	}
}

func dirEntries(t *testing.T, path string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}
