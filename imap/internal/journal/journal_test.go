package journal

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
)

// A journal is read around the damage of a crash: torn lines, or blocks of NUL where nothing had
// reached the disk.
func TestJournalSurvivesDamage(t *testing.T) {
	folder := t.TempDir()
	first, second := chunk.ID{1}, chunk.ID{2}
	write := func(uid mail.UID, id chunk.ID) {
		t.Helper()
		j, _, err := Open(folder, "anna", "x", 7)
		if err != nil {
			t.Fatal(err)
		}
		if err := j.Add([]Message{{UID: uid, Hash: id}}); err != nil {
			t.Fatal(err)
		}
		j.Close()
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
	j, known, err := Open(folder, "anna", "x", 7)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if len(known.Hashes) != 2 || known.Hashes[1] != first || known.Hashes[2] != second || known.Unchecked.Len() != 2 {
		t.Errorf("known: %v", known)
	}
}
