package emlsource

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/eml"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/internal/mailfile"
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

// What a restore wrote is read as it was archived, with flags, dates and names of mailboxes. Only a
// bare LF, which a server sent against the standard, becomes CRLF.
func TestRestored(t *testing.T) {
	r := archivetest.NewRepo(t, new(storetest.Memory))
	b := archivetest.Backup(t, r, archivetest.SampleAccount())
	path := t.TempDir() + "/mail"
	archivetest.RestoreTo(t, r, b.Head, eml.New(path))
	again := archivetest.BackupFiles(t, r, "eml:"+path, New(path))
	have, want := archivetest.ArchivedMail(t, r, again.Head), archivetest.ArchivedMail(t, r, b.Head)
	for i := range want {
		want[i] = strings.ReplaceAll(want[i], `\n\n"`, `\n\r\n"`)
	}
	if !slices.Equal(have, want) || len(have) == 0 {
		t.Errorf("difference: %s", archivetest.FirstDifference(have, want))
	}
}

// A directory that is emptied is an empty mailbox, and not one that is gone. If there is no message
// at all, the disk may be missing, and nothing is archived.
func TestEmptied(t *testing.T) {
	path := t.TempDir()
	for _, name := range []string{"/a.eml", "/Work/b.eml", "/Work/Old/c.eml"} {
		put(t, path+name, "A: b\r\n\r\n"+name)
	}
	put(t, path+"/New/flags.jsonl", "")
	r := archivetest.NewRepo(t, new(storetest.Memory))
	archivetest.BackupFiles(t, r, "eml:"+path, New(path))
	if err := errors.Join(os.Remove(path+"/a.eml"), os.Remove(path+"/Work/b.eml"), os.Mkdir(path+"/Empty", 0o700)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		b := archivetest.BackupFiles(t, r, "eml:"+path, New(path))
		if b.Manifest.Totals.Mailboxes != 4 || b.Manifest.Totals.Messages != 1 || len(b.Manifest.Failures)+len(b.Manifest.Warnings) > 0 {
			t.Errorf("%+v, %v, %v", b.Manifest.Totals, b.Manifest.Failures, b.Manifest.Warnings)
		}
		if alarm := strings.Join(b.Manifest.Alarm, "\n"); strings.Contains(alarm, "gone:") {
			t.Errorf("alarm: %s", alarm)
		}
	}
	if err := os.RemoveAll(path + "/Work/Old"); err != nil {
		t.Fatal(err)
	}
	if result := archivetest.TryBackupFiles(t.Context(), r, "eml:"+path, New(path)); result.Err == nil || !strings.Contains(result.Err.Error(), "has no .eml file") {
		t.Errorf("of a directory without mail: %v", result.Err)
	}
}

// Apple Mail's own files are named, once for each directory.
func TestAppleMail(t *testing.T) {
	path := t.TempDir()
	put(t, path+"/Inbox.mbox/1.emlx", "10\nSubject: a\n")
	put(t, path+"/Inbox.mbox/2.emlx", "10\nSubject: b\n")
	r := archivetest.NewRepo(t, new(storetest.Memory))
	const want = "/Inbox.mbox has .emlx files"
	if result := archivetest.TryBackupFiles(t.Context(), r, "eml:"+path, New(path)); result.Err == nil || !strings.Contains(result.Err.Error(), want) {
		t.Errorf("alone: %v", result.Err)
	}
	put(t, path+"/a.eml", "Subject: c\n\nx\n")
	b := archivetest.BackupFiles(t, r, "eml:"+path, New(path))
	if w := b.Manifest.Warnings; len(w) != 1 || !strings.Contains(w[0], want) || b.Manifest.Totals.Messages != 1 {
		t.Errorf("%v, %+v", w, b.Manifest.Totals)
	}
}

// A file that is written while it is archived is archived whole once it is, and a file that is
// written again is a new message.
func TestFileThatIsWritten(t *testing.T) {
	path := t.TempDir()
	first, rest := "Subject: invoice\n\nthe first half", ", the second half\n"
	put(t, path+"/Invoice.eml", first)
	r := archivetest.NewRepo(t, new(storetest.Memory))
	archivetest.BackupFiles(t, r, "eml:"+path, New(path))
	write := func(text string, at time.Time) {
		t.Helper()
		f, err := os.OpenFile(path+"/Invoice.eml", os.O_WRONLY, 0) // the time of the directory stays
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.WriteString(text)
		if err := errors.Join(err, f.Close(), os.Chtimes(path+"/Invoice.eml", at, at)); err != nil {
			t.Fatal(err)
		}
	}
	for n, text := range []string{first + rest, strings.ReplaceAll(first+rest, "half", "HALF")} { // of other size, and of the same
		write(text, time.Unix(1_000_000_001+int64(n), 0))
		b := archivetest.BackupFiles(t, r, "eml:"+path, New(path))
		have := archivetest.ArchivedMail(t, r, b.Head)
		if want := strconv.Quote(strings.ReplaceAll(text, "\n", "\r\n")); len(have) != 1 || !strings.HasSuffix(have[0], want) {
			t.Errorf("have %q, want %s", have, want)
		}
	}
}

// A file is not read before it is as it was for two seconds. If it changes meanwhile, it is no
// longer what was listed.
func TestYoungFile(t *testing.T) {
	path := t.TempDir()
	put(t, path+"/a.eml", "Subject: a\n\n")
	folders, _, err := New(path).Folders(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	if err := os.Chtimes(path+"/a.eml", now, now); err != nil {
		t.Fatal(err)
	}
	c, err := folders[0].List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		f, err := os.OpenFile(path+"/a.eml", os.O_WRONLY|os.O_APPEND, 0)
		if err == nil {
			_, err = f.WriteString("more\n")
			err = errors.Join(err, f.Close())
		}
		done <- err
	}()
	_, err = folders[0].Open(t.Context(), &c.Messages[0])
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that changed was opened: %v", err)
	}
}

func FuzzHeaderDate(f *testing.F) {
	f.Add([]byte("Received: x; Tue, 20 Aug 2019 05:19:26 +0200\n\n"))
	f.Fuzz(func(t *testing.T, head []byte) {
		if d, ok := mailfile.Arrived(head); ok && !d.IsReadable() {
			t.Errorf("%q has the date %v", head, d)
		}
	})
}
