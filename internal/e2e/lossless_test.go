package e2e_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/generate"
	"github.com/mailstrata/mailstrata/internal/testbed"
)

// oddZone lets a Dovecot report every INTERNALDATE in the zone of Kathmandu, whose quarter of an
// hour is easily lost.
func oddZone() string {
	version, _ := exec.Command("dovecot", "--version").Output() // if there is none, testbed reports it
	if strings.HasPrefix(string(version), "2.3.") {
		return "import_environment = TZ=NPT-5:45"
	}
	return "import_environment {\n  TZ = NPT-5:45\n}"
}

// mailboxNames are raw, with / between levels.
var mailboxNames = []string{
	"INBOX", "Sent", "123", "Entw&APw-rfe", "&2D3eAA-/&ZeVnLIqe-", "a b  c", `say "hi"`, "100% mine", "R&-D", "[Gmail]/All Mail",
	"1/2/3/4/5/6/7/8/9/10/11/12", "lists/go nuts", "lists/go (old)", "semi;colon, comma", "INBOX/child", "til~de", "empty",
}

// fill gives a user an account with everything in it: n usual messages in each mailbox, and the odd
// ones.
func fill(t testing.TB, d *testbed.DovecotServer, user string, seed uint64, n, large int) {
	t.Helper()
	g := generate.New(seed)
	f := place(t, d, user)
	for _, name := range mailboxNames {
		if name == "empty" {
			f.put(name)
		} else {
			f.put(name, g.Messages(n)...)
		}
	}
	f.put("odd", g.Oddities()...)
	f.put("large", g.Large(large))
	f.subscribe("Sent", "Entw&APw-rfe", "123", "lists/go nuts", "a b  c")
	f.done()
	d.Deliver(user, "appended", appended(g.Messages(n))...)
}

// An archive is restored to a Maildir, and another account that is served from it gives the same
// answers.
func TestLosslessThroughMaildir(t *testing.T) {
	t.Parallel()
	minio := testbed.MinIO(t)
	dovecot := startDovecot(t, testbed.DovecotOptions{Config: oddZone()})
	fill(t, dovecot, "anna", 1, 20, 50<<20)
	want := readAccount(t, dovecot.Addr, "anna", imapPassword)

	h := newHost(t)
	h.use(minio, minio.NewBucket())
	h.seal()
	m := h.backUp(0, accountURL("anna", dovecot.Addr))
	if m.Messages != want.count() || !m.Consistent {
		t.Errorf("the manifest is %+v of an account with %d messages", m, want.count())
	}
	path := filepath.Join(dovecot.Home("bert"), "Maildir")
	r := h.restore(0, "latest", "maildir:"+path)
	if r.Added != want.count() || len(r.Problems) > 0 {
		t.Errorf("the restore reports %+v", r)
	}
	// Only one of these names is not valid on every file system: it is mapped, and reported.
	if len(r.Notes) != 1 || !strings.Contains(r.Notes[0], `say %22hi%22`) {
		t.Errorf("it notes %q", r.Notes)
	}
	want[`say %22hi%22`] = want[`say "hi"`]
	delete(want, `say "hi"`)
	if again := h.restore(0, "latest", "maildir:"+path); again.Added != 0 || again.Present != want.count() {
		t.Errorf("restored again, it reports %+v", again)
	}
	giveToNobody(t, dovecot.Home("bert"))
	sameAccount(t, readAccount(t, dovecot.Addr, "bert", imapPassword), want)
	h.must(0, "check", "--read-data")
}
