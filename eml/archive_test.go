package eml

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

// archive restores messages to each of the mailboxes of an Archive.
func archive(t *testing.T, a *Archive, mailboxes []mail.Mailbox, wanted []restore.Message) []restore.AppendResult {
	t.Helper()
	places, _, err := a.Prepare(t.Context(), mailboxes)
	if err != nil {
		t.Fatal(err)
	}
	var results []restore.AppendResult
	for _, place := range places {
		f, err := a.Open(t.Context(), place)
		if err != nil {
			t.Fatal(err)
		}
		added, err := f.Append(t.Context(), wanted)
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		results = append(results, added...)
	}
	return results
}

func readZIP(t *testing.T, path string) map[string]string {
	t.Helper()
	r, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	files := make(map[string]string)
	for _, f := range r.File {
		if f.Mode().IsDir() {
			files[f.Name] = "a directory"
			continue
		}
		text, err := fs.ReadFile(r, f.Name)
		if err != nil {
			t.Fatal(err)
		}
		files[f.Name] = string(text)
	}
	return files
}

func readTar(t *testing.T, path string) map[string]string {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var from io.Reader = file
	if strings.HasSuffix(path, ".gz") {
		if from, err = gzip.NewReader(file); err != nil {
			t.Fatal(err)
		}
	}
	files := make(map[string]string)
	for r := tar.NewReader(from); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		text, errText := io.ReadAll(r)
		if err := errors.Join(err, errText); err != nil {
			t.Fatal(err)
		}
		if files[h.Name] = string(text); h.FileInfo().IsDir() {
			files[h.Name] = "a directory"
		}
	}
}

// A ZIP file and a tar file have the files that a directory has, and the directories of empty
// mailboxes.
func TestArchive(t *testing.T) {
	dir := t.TempDir()
	var wanted []restore.Message
	for i, text := range []string{"", "a\r\nb\n", "\x00\r\r\n", strings.Repeat("x", 1<<20)} {
		wanted = append(wanted, message(mail.UID(i+1), text, `\Seen`, "$Junk"))
	}
	damaged := message(9, "half")
	damaged.Body = body{"half", errors.New("the chunk is damaged")}
	mailboxes := []mail.Mailbox{box("inbox"), box("Projects/2023"), box("../../etc"), box("a\\b")}
	restoreTo(t, filepath.Join(dir, "mail"), mailboxes, wanted)
	want := make(map[string]string)
	err := fs.WalkDir(os.DirFS(filepath.Join(dir, "mail")), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			text, err := os.ReadFile(filepath.Join(dir, "mail", name))
			want[name] = string(text)
			return err
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, read := range map[string]func(*testing.T, string) map[string]string{"mail.zip": readZIP, "mail.tar": readTar, "mail.tar.gz": readTar} {
		path := filepath.Join(dir, name)
		a := NewTar(path)
		if name == "mail.zip" {
			a = NewZIP(path)
		}
		results := archive(t, a, mailboxes, append([]restore.Message{damaged}, wanted...))
		if results[0].Refused == nil || !results[1].Added || len(results) != 4*5 {
			t.Errorf("%+v", results)
		}
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is there before it is complete: %v", name, err)
		}
		if err := errors.Join(a.Commit(), a.Close()); err != nil {
			t.Fatal(err)
		}
		have := read(t, path)
		for _, dir := range directories(mailboxes) {
			if have[dir+"/"] != "a directory" {
				t.Errorf("%s has no directory %q", name, dir)
			}
			delete(have, dir+"/")
		}
		if !maps.Equal(have, want) {
			t.Errorf("%s has %q, want %q", name, slices.Sorted(maps.Keys(have)), slices.Sorted(maps.Keys(want)))
		}
		if _, _, err := NewZIP(path).Prepare(t.Context(), mailboxes); !errors.Is(err, fs.ErrExist) {
			t.Error(err)
		}
	}
}

// Directories that differ in case alone get different names, at every level, so that they can be
// unpacked where case does not count.
func TestArchiveApart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mail.zip")
	mailboxes := []mail.Mailbox{box("Case"), box("Case/x"), box("case"), box("case/X"), box("case/x"), box("CASE~2"), box("ÄRGER"), box("Ärger")}
	want := []string{"Case", "Case/x", "case~2", "case~2/X", "case~2/x~2", "CASE~2~2", "ÄRGER", "Ärger~2"}
	a := NewZIP(path)
	archive(t, a, mailboxes, []restore.Message{message(1, "x")})
	if err := errors.Join(a.Commit(), a.Close()); err != nil {
		t.Fatal(err)
	}
	have := readZIP(t, path)
	lower := make(map[string]bool)
	for name := range have {
		lower[strings.ToLower(name)] = true
	}
	if len(lower) != len(have) || len(have) != 3*len(mailboxes) {
		t.Errorf("%q", slices.Sorted(maps.Keys(have)))
	}
	for _, dir := range want {
		if have[dir+"/"] != "a directory" {
			t.Errorf("there is no directory %q: %q", dir, slices.Sorted(maps.Keys(have)))
		}
	}
	again := NewTar(filepath.Join(t.TempDir(), "mail.tar"))
	_, notes, err := again.Prepare(t.Context(), mailboxes)
	if err := errors.Join(err, again.Close()); err != nil || len(notes) != 5 || !strings.Contains(notes[0], `"case" is in the directory "case~2"`) {
		t.Errorf("%q, %v", notes, err)
	}
}

// A restore that does not end well leaves no file.
func TestArchiveWithoutCommit(t *testing.T) {
	dir := t.TempDir()
	a := NewZIP(filepath.Join(dir, "mail.zip"))
	archive(t, a, []mail.Mailbox{box("INBOX")}, []restore.Message{message(1, "a")})
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if names := files(t, dir); len(names) != 0 {
		t.Errorf("there are %q", names)
	}
}

// A message that breaks while it is written ends the restore: its size is in the file already.
func TestArchiveBreaks(t *testing.T) {
	a := NewTar(filepath.Join(t.TempDir(), "mail.tar"))
	places, _, err := a.Prepare(t.Context(), []mail.Mailbox{box("INBOX")})
	if err != nil {
		t.Fatal(err)
	}
	f, err := a.Open(t.Context(), places[0])
	if err != nil {
		t.Fatal(err)
	}
	broken := message(1, "half")
	broken.Body = unstable{body{"ha", errors.New("the store is gone")}}
	if _, err := f.Append(t.Context(), []restore.Message{broken}); err == nil {
		t.Error("no error")
	}
	_ = a.Close()
}

// unstable is a body that can be verified and not read.
type unstable struct{ body }

func (unstable) Verify(context.Context) error { return nil }
