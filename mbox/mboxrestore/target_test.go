package mboxrestore

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

type body struct {
	text string
	err  error
}

func (b body) WriteTo(_ context.Context, w io.Writer) error {
	if _, err := io.WriteString(w, b.text); err != nil {
		return err
	}
	return b.err
}

func (b body) Verify(context.Context) error { return b.err }

func message(uid mail.UID, text string, flags ...string) restore.Message {
	return restore.Message{UID: uid, Hash: chunk.ID(sha256.Sum256([]byte(text))), Flags: mail.NewFlags(flags...),
		Internal: mail.ParseDate("17-Jul-1996 02:44:25 -0700"), Body: body{text: text}}
}

func box(name string) mail.Mailbox { return mail.Mailbox{Raw: name, Name: name, Delimiter: "/"} }

// add adds messages to each of the mailboxes, all of which are open at once.
func add(
	t *testing.T, target *Target, mailboxes []mail.Mailbox, wanted ...restore.Message,
) (results []restore.AppendResult) {
	t.Helper()
	places, _, err := target.Prepare(t.Context(), mailboxes)
	if err != nil {
		t.Fatal(err)
	}
	var folders []restore.Folder
	for _, place := range places {
		f, err := target.Open(t.Context(), place)
		if err != nil {
			t.Fatal(err)
		}
		folders = append(folders, f)
	}
	for i := range wanted {
		for _, f := range folders {
			added, err := f.Append(t.Context(), wanted[i:i+1])
			if err != nil {
				t.Fatal(err)
			}
			results = append(results, added...)
		}
	}
	for _, f := range folders {
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return results
}

func files(t *testing.T, path string) (names []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(path), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

const from = "From MAILER-DAEMON Wed Jul 17 09:44:25 1996\n"

// Files have their names once the restore is complete, and mailboxes keep their levels.
func TestFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mail")
	target := New(path)
	results := add(t, target, []mail.Mailbox{box("inbox"), box("Projects"), box("Projects/2023"), box("empty.mbox")},
		message(1, "A: b\r\n\r\nFrom x\r\n", `\Seen`, "$Junk"), message(2, "A: b\r\n\r\nmixed\n"))
	if len(results) != 8 || results[0].Changed != nil || !results[0].Added {
		t.Errorf("%+v", results)
	}
	if names := files(t, path); slices.ContainsFunc(names, func(name string) bool { return !strings.HasSuffix(name, ".mbox.mailstrata-partial") }) {
		t.Errorf("before the restore is complete, there are %q", names)
	}
	if err := errors.Join(target.Commit(), target.Close()); err != nil {
		t.Fatal(err)
	}
	want := from + "A: b\nStatus: RO\nX-Keywords: $Junk\n\n>From x\n\n" + from + "A: b\r\n\r\nmixed\n\n"
	if names := files(t, path); !slices.Equal(names, []string{"%65mpty.mbox.mbox", "INBOX.mbox", "Projects/2023.mbox", "Projects.mbox"}) {
		t.Errorf("there are %q", names)
	}
	for _, name := range files(t, path) {
		text, err := os.ReadFile(filepath.Join(path, name))
		if err != nil || string(text) != want {
			t.Errorf("%s: have %q, want %q, %v", name, text, want, err)
		}
	}
	if _, _, err := New(path).Prepare(t.Context(), []mail.Mailbox{box("INBOX")}); !errors.Is(err, fs.ErrExist) {
		t.Error(err)
	}
}

func TestSingleFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "all.mbox")
	target := New(path)
	add(t, target, []mail.Mailbox{box("INBOX"), box("Projects")}, message(1, "A: b\r\n\r\n"), message(2, "A: c\r\n\r\n"))
	if err := errors.Join(target.Commit(), target.Close()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	b, c := from+"A: b\n\n\n", from+"A: c\n\n\n"
	if err != nil || string(text) != b+b+c+c {
		t.Errorf("have %q, %v", text, err)
	}
}

// What an mbox cannot hold is reported, and a damaged message is refused and leaves nothing.
func TestReports(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.mbox")
	target := New(path)
	damaged, undated := message(1, "half"), message(3, "\r\n")
	damaged.Body = body{"half", errors.New("the chunk is damaged")}
	undated.Internal = mail.ParseDate("yesterday")
	results := add(t, target, []mail.Mailbox{box("INBOX")}, damaged, message(2, "A: b", `\Odd`, "a b"), undated)
	if results[0].Refused == nil || results[0].Added || !results[1].FlagsLost || len(results[1].Changed) != 3 || len(results[2].Changed) != 1 {
		t.Errorf("%+v", results)
	}
	if err := errors.Join(target.Commit(), target.Close()); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path); err != nil || !strings.HasPrefix(string(text), from+"A: b\nStatus: O\n\n") {
		t.Errorf("have %q, %v", text, err)
	}
}

// A restore that does not end well leaves no file.
func TestWithoutCommit(t *testing.T) {
	dir := t.TempDir()
	target := New(dir)
	add(t, target, []mail.Mailbox{box("INBOX")}, message(1, "a"))
	if err := target.Close(); err != nil {
		t.Fatal(err)
	}
	if names := files(t, dir); len(names) != 0 {
		t.Errorf("there are %q", names)
	}
}

// Mailboxes with hostile names get separate files below the target, and none through a link.
func TestHostileNames(t *testing.T) {
	above := t.TempDir()
	path := filepath.Join(above, "mail")
	var mailboxes []mail.Mailbox
	for _, name := range []string{"INBOX", "INBOX/x", "..", "../../etc", "/", "~", "nul", "x.mbox", "x", "a\x00", "\xff", ".", "%2e",
		strings.Repeat("n", 300), strings.Repeat("n", 301), strings.Repeat("n", 245)} {
		mailboxes = append(mailboxes, box(name))
	}
	target := New(path)
	add(t, target, mailboxes, message(1, "a"))
	if err := errors.Join(target.Commit(), target.Close()); err != nil {
		t.Fatal(err)
	}
	if names := files(t, path); len(names) != len(mailboxes) {
		t.Errorf("there are %q", names)
	}
	if entries, err := os.ReadDir(above); err != nil || len(entries) != 1 {
		t.Errorf("beside the target there are %v, %v", entries, err)
	}
	if err := os.Symlink(above, filepath.Join(path, "Link")); err != nil {
		t.Fatal(err)
	}
	target = New(path)
	if _, _, err := target.Prepare(t.Context(), []mail.Mailbox{box("Link/a")}); err == nil || !strings.Contains(err.Error(), "symbolic link") {
		t.Error(err)
	}
	_ = target.Close()
}
