package e2e_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/testbed"
)

// foreign is a server of another kind.
type foreign struct {
	addr, password    string
	prefix, delimiter string            // of its names of mailboxes
	renamed           map[string]string // how it has to call some of them, by raw name, with "/" between levels
}

// name returns a mailbox's name without the prefix of its namespace, with "/" between levels.
func (f foreign) name(name string) string {
	return strings.ReplaceAll(strings.TrimPrefix(name, f.prefix), f.delimiter, "/")
}

// holds returns what an account there has, by such names.
func (f foreign) holds(t *testing.T, user string) account {
	t.Helper()
	have := account{}
	for name, b := range readAccount(t, f.addr, user, f.password) {
		have[f.name(name)] = b
	}
	return have
}

// An archive is restored to servers of other kinds, which behave unlike Dovecot, and from there
// back to a Dovecot. What they refuse or alter is reported and kept, and a host without a journal
// adds nothing a second time.
func TestLosslessThroughOthers(t *testing.T) {
	t.Parallel()
	dovecot := startDovecot(t, testbed.DovecotOptions{Config: oddZone()})
	fill(t, dovecot, "anna", 11, 3, 1<<20)
	want := readAccount(t, dovecot.Addr, "anna", imapPassword)
	for name, start := range map[string]func(*testing.T) foreign{
		"Cyrus": func(t *testing.T) foreign {
			c := testbed.Cyrus(t, testbed.CyrusOptions{})
			return foreign{c.Addr, c.Password, "", "/", map[string]string{
				`say "hi"`: "say =22hi=22", "100% mine": "100=25 mine", "semi;colon, comma": "semi=3Bcolon=2C comma"}}
		},
		"Courier": func(t *testing.T) foreign {
			c := testbed.Courier(t)
			return foreign{c.Addr, c.Password, "INBOX.", ".", map[string]string{
				"INBOX/child": "child", "&2D3eAA-/&ZeVnLIqe-": "%F0%9F%98%80/&ZeVnLIqe-"}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			throughOther(t, start(t), dovecot, want)
		})
	}
}

func throughOther(t *testing.T, server foreign, dovecot *testbed.DovecotServer, want account) {
	h := newHost(t)
	h.onDirectory()
	h.backUp(0, accountURL("anna", dovecot.Addr))
	h.set("MAILSTRATA_IMAP_PASSWORD", server.password)
	target := accountURL("bert", server.addr)
	there := h.restore(3, "latest", target, "--keep", filepath.Join(h.home, "kept"))
	have := server.holds(t, "bert")
	for name, other := range server.renamed {
		have[name] = have[other]
		delete(have, other)
	}
	accounted(t, have, want, there)
	var again restored
	sameKey(t, h).run("restore", "--json", "latest", "--to", target, "--with-deleted").json(&again)
	if again.Added != 0 || again.Present != there.Added {
		t.Errorf("restored again by a host that remembers nothing, it reports %+v", again)
	}

	h.backUp(0, target)
	have = server.holds(t, "bert")
	h.set("MAILSTRATA_IMAP_PASSWORD", imapPassword)
	user := "back from " + filepath.Base(t.Name())
	var back restored
	h.run("restore", "--json", "bert@127.0.0.1@latest", "--to", accountURL(user, dovecot.Addr), "--with-deleted", "--keep", filepath.Join(h.home, "kept back")).json(&back)
	for i := range back.Problems {
		back.Problems[i].Mailbox = server.name(back.Problems[i].Mailbox)
	}
	accounted(t, readAccount(t, dovecot.Addr, user, imapPassword), have, back)
}
