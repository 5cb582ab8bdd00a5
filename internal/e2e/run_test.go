package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/generate"
	"github.com/mailstrata/mailstrata/internal/testbed"
)

// steps is what run prints with --json.
type steps struct {
	Status int
	Steps  []struct {
		Step, Skipped, Error string
		Status               *int
	}
}

// configure writes the configuration of a host.
func (h *host) configure(lines ...string) {
	h.t.Helper()
	dir := filepath.Join(h.home, ".config", "mailstrata")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.toml"), []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// A nightly host with a writer's key and credentials that cannot delete archives and checks.
// Another host, with the owner's key and no account, forgets and prunes. Each of them is one run.
func TestRunOnTwoHosts(t *testing.T) {
	t.Parallel()
	server, dovecot := testbed.MinIO(t), startDovecot(t, testbed.DovecotOptions{})
	bucket := server.NewBucket()
	keeper, nightly := newHost(t), newHost(t)
	keeper.use(server, bucket)
	key, writer := filepath.Join(keeper.home, "key"), filepath.Join(nightly.home, "writer")
	keeper.must(0, "init", "--new-key-file", key, "--key-role", "owner")
	keeper.must(0, "key", "add", "--key-file", key, "--role", "writer", "--new-key-file", writer)
	place := fmt.Sprintf("place = 's3:%s/%s'", server.Endpoint, bucket)
	keeper.set("MAILSTRATA_REPO", "")
	limited := server.Limited(t, bucket, "s3:PutObject", "s3:GetObject", "s3:ListBucket")
	nightly.use(limited, bucket)
	nightly.set("AWS_SESSION_TOKEN", limited.SessionToken)
	nightly.set("MAILSTRATA_REPO", "")
	account := []string{"[[accounts]]", "name = 'anna'", "url = '" + accountURL("anna", dovecot.Addr) + "'", "secret_env = 'MAILSTRATA_IMAP_PASSWORD'"}
	archived := append([]string{"[[repositories]]", place, "key_file = '" + writer + "'"}, account...)
	kept := []string{"[[repositories]]", place, "key_file = '" + key + "'", "[run]", "prune = '1d'", "[retention]", "keep_last = 2"}

	nightly.configure(append(archived, "[run]", "prune = '1d'")...)
	if e := nightly.must(2, "run"); !strings.Contains(e.stderr, "needs an owner's key") {
		t.Errorf("a writer's key for prune: %s", e.stderr)
	}
	nightly.configure(append(archived, "[run]", "check = '30d'")...)
	keeper.configure(kept...)
	night := func(h *host) (s steps) {
		h.must(0, "run", "--json").json(&s)
		return s
	}
	for i := range 4 {
		dovecot.Deliver("anna", "INBOX", appended(generate.New(uint64(i+1)).Messages(10))...)
		if got := night(nightly); len(got.Steps) != 2 || got.Steps[0].Step != "backup" || got.Steps[1].Step != "check" {
			t.Errorf("the nightly host ran %+v", got)
		}
	}
	if got := night(keeper); len(got.Steps) != 2 || got.Steps[0].Step != "forget" || got.Steps[1].Status == nil {
		t.Errorf("the other host ran %+v", got)
	}
	if left := strings.Count(nightly.must(0, "list", "--json").stdout, "\n"); left != 2 {
		t.Errorf("%d manifests are left of 2", left)
	}
	if got := night(keeper); got.Steps[1].Status != nil || got.Steps[1].Skipped == "" {
		t.Errorf("the other host prunes twice a day: %+v", got)
	}
	want := readAccount(t, dovecot.Addr, "anna", imapPassword)
	if r := keeper.restore(0, "latest", accountURL("bert", dovecot.Addr)); r.Added != 40 {
		t.Errorf("restored %+v", r)
	}
	sameAccount(t, readAccount(t, dovecot.Addr, "bert", imapPassword), want)
}
