package maildir

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

// A file of another program counts for one message. A file that differs in more than line ends is
// another message.
func TestForeignFilesCountOnce(t *testing.T) {
	key := chunk.Key{1}
	path := t.TempDir()
	for name, text := range map[string]string{
		"cur/1.host,S=99:2,S": "a\nb\n", "new/2.host": "c\r\nd\n", "cur/3.host": "e\x00\n", "cur/.4": "f\n", "tmp/5.host": "g\n",
	} {
		if err := os.MkdirAll(filepath.Join(path, "cur", "..", filepath.Dir(name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(path, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var wanted []restore.Message
	for i, text := range []string{"a\nb\n", "a\r\nb\r\n", "c\r\nd\r\n", "c\r\nd\r\n", "e\x80\r\n", "f\n", "g\n", "a\nb"} {
		w := message(mail.UID(i+1), text, "17-Jul-1996 02:44:25 -0700")
		w.Hash = key.Sum([]byte(text))
		wanted = append(wanted, w)
	}
	target := New(path, Options{})
	target.Inform(restore.ArchiveInfo{Hasher: key.New})
	if added, _, _ := restoreTo(t, target, []mail.Mailbox{box("INBOX")}, map[string][]restore.Message{"INBOX": wanted}); added != 5 {
		t.Errorf("%d messages were added", added)
	}
	if added, _, _ := restoreTo(t, target, []mail.Mailbox{box("INBOX")}, map[string][]restore.Message{"INBOX": wanted}); added != 0 {
		t.Errorf("the second restore added %d messages", added)
	}
}
