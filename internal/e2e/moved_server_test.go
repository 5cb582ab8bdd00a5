package e2e_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/generate"
	"github.com/mailstrata/mailstrata/internal/testbed"
)

// An account that moves to another server with its UIDVALIDITY, UIDs, dates and ids, as a copy of
// its files does, is compared with the archive: equal messages are not downloaded again, and a
// message with another body under the same UID is.
func TestAccountThatMovesWithItsUIDs(t *testing.T) {
	t.Parallel()
	old := startDovecot(t, testbed.DovecotOptions{})
	f := place(t, old, "anna")
	long := func(n int) []byte {
		return fmt.Appendf(nil, "Subject: %d\r\nMessage-ID: <%[1]d@test>\r\n\r\nthe first line of %[1]d\r\n%s", n, strings.Repeat("and one more of the others\r\n", 1000))
	}
	mail := generate.New(5)
	for _, mailbox := range []string{"INBOX", "Work"} {
		f.put(mailbox, mail.Messages(20)...)
	}
	f.done()
	for n := range 40 {
		old.Deliver("anna", "Long", testbed.Message{Body: string(long(n))})
	}
	h := newHost(t)
	h.onDirectory()
	before := h.backUp(0, accountURL("anna", old.Addr), "--name", "anna")

	moved := startDovecot(t, testbed.DovecotOptions{})
	moved.PutMaildir("anna", filepath.Join(old.Home("anna"), "Maildir"))
	const others = 3
	changeBodies(t, filepath.Join(moved.Home("anna"), "Maildir", ".Long"), others)
	after := h.backUp(4, accountURL("anna", moved.Addr), "--name", "anna", "--shrink-limit", "1%,1")
	if !after.Consistent || after.Messages != before.Messages {
		t.Errorf("the manifests are %+v and %+v", before, after)
	}
	if small := before.Messages - 40; after.NewMessages > small+others || after.ByID < 40-others {
		t.Errorf("%d messages were downloaded, and %d taken by what they are", after.NewMessages, after.ByID)
	}
	h.restore(0, "latest", "maildir:"+moved.Home("back")+"/Maildir")
	giveToNobody(t, moved.Home("back"))
	sameAccount(t, readAccount(t, moved.Addr, "back", imapPassword), readAccount(t, moved.Addr, "anna", imapPassword))
	if next := h.backUp(0, accountURL("anna", moved.Addr), "--name", "anna"); next.NewMessages > 0 || next.Warnings > 0 {
		t.Errorf("the next manifest is %+v", next)
	}
}

// changeBodies gives some messages of a Maildir another body of the same length, and keeps their
// dates.
func changeBodies(t *testing.T, dir string, n int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || n == 0 || entry.IsDir() || filepath.Base(filepath.Dir(path)) != "cur" && filepath.Base(filepath.Dir(path)) != "new" {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		body, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		n--
		if err := os.WriteFile(path, bytes.Replace(body, []byte("the first line"), []byte("the other line"), 1), info.Mode()); err != nil {
			return err
		}
		return os.Chtimes(path, info.ModTime(), info.ModTime())
	})
	if err != nil || n > 0 {
		t.Fatalf("%d messages were not changed: %v", n, err)
	}
}
