package emlsource

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/eml"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

func put(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	old := time.Unix(1_000_000_000, 0)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
}

// Files of any program are archived, with the dates of their headers.
func TestBackup(t *testing.T) {
	path := t.TempDir()
	put(t, path+"/a.eml", "Received: from x\n by y; Tue, 20 Aug 2019 05:19:26 +0200\nDate: Mon, 19 Aug 2019 00:00:00 +0000\n\nx\n")
	put(t, path+"/Work/Old/b.EML", "Date: Mon, 19 Aug 2019 00:00:00 +0000\r\n\r\nx\r\n")
	put(t, path+"/Work/c.eml", "Date: never\n\nx\n")
	put(t, path+"/Work/notes.txt", "no mail")
	if err := os.Symlink("/etc/passwd", path+"/Work/d.eml"); err != nil {
		t.Fatal(err)
	}
	r := archivetest.NewRepo(t, new(storetest.Memory))
	b := archivetest.BackupFiles(t, r, "eml:"+path, New(path))
	want := []string{
		`INBOX [] [] 20-Aug-2019 05:19:26 +0200 "Received: from x\r\n by y; Tue, 20 Aug 2019 05:19:26 +0200\r\nDate: Mon, 19 Aug 2019 00:00:00 +0000\r\n\r\nx\r\n"`,
		`Work [] []  9-Sep-2001 01:46:40 +0000 "Date: never\r\n\r\nx\r\n"`,
		`Work/Old [] [] 19-Aug-2019 00:00:00 +0000 "Date: Mon, 19 Aug 2019 00:00:00 +0000\r\n\r\nx\r\n"`,
	}
	if have := archivetest.ArchivedMail(t, r, b.Head); !slices.Equal(have, want) {
		t.Errorf("difference: %s", archivetest.FirstDifference(have, want))
	}
	if len(b.Manifest.Failures) != 1 || !strings.Contains(b.Manifest.Failures[0].Reason, "d.eml") {
		t.Errorf("failures: %v", b.Manifest.Failures)
	}
	if again := archivetest.BackupFiles(t, r, "eml:"+path, New(path)); again.Manifest.Totals.NewMessages != 0 {
		t.Errorf("%+v", again.Manifest.Totals)
	}
}

// What a restore wrote is read as it was archived, with flags, dates and names of mailboxes.
func TestRestored(t *testing.T) {
	r := archivetest.NewRepo(t, new(storetest.Memory))
	b := archivetest.Backup(t, r, archivetest.SampleAccount())
	path := t.TempDir() + "/mail"
	archivetest.RestoreTo(t, r, b.Head, eml.New(path))
	again := archivetest.BackupFiles(t, r, "eml:"+path, New(path))
	if have, want := archivetest.ArchivedMail(t, r, again.Head), archivetest.ArchivedMail(t, r, b.Head); !slices.Equal(have, want) || len(have) == 0 {
		t.Errorf("difference: %s", archivetest.FirstDifference(have, want))
	}
}

func FuzzHeaderDate(f *testing.F) {
	f.Add([]byte("Received: x; Tue, 20 Aug 2019 05:19:26 +0200\n\n"))
	f.Fuzz(func(t *testing.T, head []byte) {
		if d, ok := headerDate(head); ok && !d.IsReadable() {
			t.Errorf("%q has the date %v", head, d)
		}
	})
}
