package e2e_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/generate"
	"github.com/mailstrata/mailstrata/internal/testbed"
)

// Only --verify-source finds a message that changes on the server under its UID, without any number
// that changes. The new message is archived, and the old one stays where it was.
func TestChangedUnderItsUID(t *testing.T) {
	t.Parallel()
	dovecot := startDovecot(t, testbed.DovecotOptions{})
	f := place(t, dovecot, "anna")
	f.put("INBOX", generate.New(95).Messages(60)...)
	f.put("Sent", generate.New(96).Messages(40)...)
	f.done()
	before := readAccount(t, dovecot.Addr, "anna", imapPassword)
	h := newHost(t)
	h.onDirectory()
	account := accountURL("anna", dovecot.Addr)
	h.backUp(0, account)

	files, err := filepath.Glob(filepath.Join(f.Root, "cur", "*.00000007.e2e*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	body, err := os.ReadFile(files[0])
	f.check(err)
	f.check(os.WriteFile(files[0], bytes.ToUpper(body), 0o644))
	now := readAccount(t, dovecot.Addr, "anna", imapPassword)

	if m := h.backUp(0, account); m.NewMessages != 0 {
		t.Errorf("unasked, the manifest is %+v", m)
	}
	e := h.must(4, "backup", "--imap", account, "--verify-source", "100%")
	if !strings.Contains(e.stderr, `mailbox "INBOX": 1 of 60 compared messages`) {
		t.Errorf("it reports\n%s", e.stderr)
	}
	restoredSame(t, h, dovecot, now)
	h.restore(0, "latest~2", "maildir:"+filepath.Join(dovecot.Home("earlier"), "Maildir"))
	giveToNobody(t, dovecot.Home("earlier"))
	sameAccount(t, readAccount(t, dovecot.Addr, "earlier", imapPassword), before)
	if m := h.backUp(0, account, "--verify-source", "100%"); m.NewMessages != 0 {
		t.Errorf("once more, the manifest is %+v", m)
	}
}
