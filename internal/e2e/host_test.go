package e2e_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/testbed"
)

// imapPassword is that of every account on every Dovecot of these tests. Like passphrase, it must
// not appear anywhere.
const (
	imapPassword = "imap-secret-5d1f"
	passphrase   = "repository-secret-80c3"
)

// host is a computer that runs the program: a home directory, and an environment.
type host struct {
	t       testing.TB
	home    string
	env     []string
	secrets []string // none may be in what the program prints
}

func newHost(t testing.TB) *host {
	t.Helper()
	h := &host{t: t, home: t.TempDir(), secrets: []string{imapPassword, passphrase, "AGE-SECRET-KEY-"}}
	h.set("PATH", os.Getenv("PATH"))
	h.set("HOME", h.home)
	h.set("TMPDIR", t.TempDir())
	h.set("MAILSTRATA_IMAP_PASSWORD", imapPassword)
	return h
}

// set sets a variable of the environment.
func (h *host) set(name, value string) { h.env = append(h.env, name+"="+value) }

// use has the program use a repository in a bucket of an object store.
func (h *host) use(s testbed.S3, bucket string) {
	h.set("MAILSTRATA_REPO", "s3:"+s.Endpoint+"/"+bucket)
	h.set("AWS_ACCESS_KEY_ID", s.AccessKey)
	h.set("AWS_SECRET_ACCESS_KEY", s.SecretKey)
	h.secrets = append(h.secrets, s.SecretKey)
}

// seal makes the repository, sealed to a key file, which the program uses from then on.
func (h *host) seal() {
	h.t.Helper()
	key := filepath.Join(h.home, "key")
	h.must(0, "init", "--new-key-file", key)
	h.set("MAILSTRATA_KEY_FILE", key)
}

// onDirectory makes an unsealed repository in a local directory, which it returns.
func (h *host) onDirectory() string {
	h.t.Helper()
	repository := filepath.Join(h.home, "repository")
	h.set("MAILSTRATA_REPO", repository)
	h.must(0, "init", "--no-seal")
	return repository
}

// ended is a call of the program that has ended.
type ended struct {
	t              testing.TB
	call           string
	status         int
	stdout, stderr string
}

// command is a call of the program that has not begun.
func (h *host) command(args ...string) *exec.Cmd {
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Env = h.home, h.env
	return cmd
}

// run calls the program.
func (h *host) run(args ...string) ended {
	h.t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := h.command(args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		h.t.Fatal(err)
	}
	e := ended{h.t, "mailstrata " + strings.Join(args, " "), cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
	for _, secret := range h.secrets {
		if strings.Contains(e.stdout+e.stderr, secret) {
			h.t.Errorf("%s prints the secret %q:\n%s%s", e.call, secret, e.stdout, e.stderr)
		}
	}
	if strings.Contains(e.stderr, "panic:") || strings.Contains(e.stderr, "goroutine ") {
		h.t.Errorf("%s:\n%s", e.call, e.stderr)
	}
	return e
}

// must calls the program, which must end with a status.
func (h *host) must(status int, args ...string) ended {
	h.t.Helper()
	e := h.run(args...)
	if e.status != status {
		h.t.Fatalf("%s ends with %d, not %d:\n%s%s", e.call, e.status, status, e.stdout, e.stderr)
	}
	return e
}

// json parses what was printed with --json: the last line, if there are several.
func (e ended) json(into any) {
	e.t.Helper()
	lines := strings.Split(strings.TrimSpace(e.stdout), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), into); err != nil {
		e.t.Fatalf("%s: %v in\n%s%s", e.call, err, e.stdout, e.stderr)
	}
}

// written is a manifest, as backup and list print it.
type written struct {
	ID          string    `json:"id"`
	Account     string    `json:"account"`
	Time        time.Time `json:"time"`
	Consistent  bool      `json:"consistent"`
	Mailboxes   int       `json:"mailboxes"`
	Messages    int       `json:"messages"`
	NewMessages int       `json:"new_messages"`
	ByID        int       `json:"by_id_messages"`
	Failures    int       `json:"failures"`
	Warnings    int       `json:"warnings"`
}

// backUp archives an account, and requires a status.
func (h *host) backUp(status int, account string, flags ...string) written {
	h.t.Helper()
	e := h.must(status, append([]string{"backup", "--json", "--imap", account}, flags...)...)
	var printed struct{ Manifests []written }
	if e.json(&printed); len(printed.Manifests) != 1 {
		h.t.Fatalf("%s: %s%s", e.call, e.stdout, e.stderr)
	}
	return printed.Manifests[0]
}

// restored is what restore prints.
type restored struct {
	Mailboxes, Messages                      int
	Added, Present, Changed, Refused, Failed int
	Notes                                    []string
	Problems                                 []problem
	Report                                   string
}

type problem struct {
	Kind, Mailbox, Reason, Kept string
	UID                         uint32
}

func (p problem) String() string {
	return fmt.Sprintf("%s %s UID %d: %s", p.Kind, p.Mailbox, p.UID, p.Reason)
}

func (h *host) restore(status int, manifest, target string, flags ...string) (r restored) {
	h.t.Helper()
	h.must(status, append([]string{"restore", "--json", manifest, "--to", target, "--with-deleted"}, flags...)...).json(&r)
	return r
}

// accountURL names an account on a server of this host.
func accountURL(user, address string) string {
	return (&url.URL{Scheme: "imap", User: url.User(user), Host: address}).String()
}
