package imap

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

// What a crash left of a journal is passed over, and the rest is known: torn lines, or blocks of NUL where nothing had
// reached the disk.
func TestJournalSurvivesDamage(t *testing.T) {
	folder := t.TempDir()
	first, second := chunk.ID{1}, chunk.ID{2}
	write := func(uid mail.UID, id chunk.ID) {
		t.Helper()
		j, _, err := openJournal(folder, "anna", "x", 7)
		if err != nil {
			t.Fatal(err)
		}
		if err := j.add(7, []*item{{Wanted: restore.Wanted{Hash: id}, uid: uid}}); err != nil {
			t.Fatal(err)
		}
		j.close()
	}
	write(1, first)
	files, _ := filepath.Glob(filepath.Join(folder, "*"))
	file, err := os.OpenFile(files[0], os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	file.Write(make([]byte, 200<<10))
	file.Close()
	write(2, second)
	j, known, err := openJournal(folder, "anna", "x", 7)
	if err != nil {
		t.Fatal(err)
	}
	defer j.close()
	if len(known) != 2 || known[1] != first || known[2] != second {
		t.Errorf("known: %v", known)
	}
}
